import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { programOf } from '../../src/verify/code/program.ts'
import { readReply } from '../../src/verify/code/reply.ts'
import { seccompFilter } from '../../src/verify/code/sandbox/seccomp.ts'
import { readSuite } from '../../src/verify/code/suite.ts'
import { faultOf, type Json, matches, toWire } from '../../src/verify/code/wire.ts'

describe('the program of a completion', () => {
  const python = { language: 'python', entry_point: 'f' } as const
  const of = (text: string, suite: Parameters<typeof programOf>[1] = python): string | null =>
    programOf(text, suite).program

  test('is the last block that defines the entry point, else the last in the language', () => {
    const blocks = '```python\ndef f(): 1\n```\nused so:\n```python\nf()\n```'
    assert.equal(of(blocks), 'def f(): 1')
    assert.equal(of(blocks, { language: 'python' }), 'f()')
    assert.equal(
      of('```python\ndef f(): 1\n```\nbetter:\n```py\ndef f(): 2\n```\n```text\nf\n```'),
      'def f(): 2',
    )
    assert.equal(of('```\ndef f(): 1\n```'), 'def f(): 1')
    assert.equal(of('```js\nf()\n```'), null)
  })
  test('comes after the thinking', () => {
    assert.equal(of('<think>```python\ndef f(): 1\n```</think>\n```python\ndef f(): 2\n```'), 'def f(): 2')
    assert.equal(of('<think>```python\ndef f(): 1\n```</think> None.'), null)
  })
  test('may be the whole text where no fence is', () => {
    assert.equal(of('def f(x):\n    return x'), 'def f(x):\n    return x')
    assert.equal(of('The function returns x.'), null)
  })
  test('stands in longer fences and in lists without its indentation', () => {
    assert.equal(of('````python\ns = """\n```\n"""\n````'), 's = """\n```\n"""')
    assert.equal(of('1. So:\n   ```python\n   def f():\n       1\n   ```'), 'def f():\n    1')
  })
})

describe('tests of a program', () => {
  test('are refused with what is wrong in them', () => {
    const wrong = (suite: object): string =>
      JSON.stringify(readSuite(JSON.stringify({ language: 'python', ...suite })))
    assert.match(wrong({ tests: [] }), /tests/)
    assert.match(wrong({ tests: [{ args: [1], expected: 1 }] }), /entry_point/)
    assert.match(wrong({ entry_point: 'f', tests: [{ args: [1] }] }), /cannot be read/)
    assert.match(wrong({ entry_point: 'f(', tests: [{ assert: '1' }] }), /entry_point/)
    assert.match(wrong({ tests: [{ assert: '1' }], typo: 1 }), /typo/)
  })
  test('write values that JSON lacks as objects of one key', () => {
    assert.deepEqual(toWire({ $int: '-255' }), { int: '-0xff' })
    assert.deepEqual(toWire({ a: [{ $set: [1] }] }), { dict: [['a', [{ set: [1] }]]] })
    assert.equal(faultOf({ $int: 'many' }), '$int wants digits as text')
    assert.equal(faultOf({ $float: '3.0' }), null)
    assert.equal(faultOf({ $price: 'many' }), null)
  })
})

const plain = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value)) as Json)

describe('values that come out', () => {
  test('match themselves whatever they are', () => {
    fc.assert(fc.property(plain, (value) => faultOf(value) !== null || matches(value, toWire(value), 0)))
  })
  test('match no longer list, and no list around themselves', () => {
    fc.assert(
      fc.property(plain, (value) => {
        if (faultOf(value) !== null) return true
        return !matches([value], [toWire(value), toWire(value)], 0) && !matches(value, [toWire(value)], 0)
      }),
    )
  })
  test('are compared without order in sets and dictionaries, each member once', () => {
    assert.ok(matches({ $set: [1, 2] }, { set: [2, 1] }, 0))
    assert.ok(!matches({ $set: [1, 2] }, { set: [1, 1] }, 0))
    assert.ok(matches({ $set: [1] }, { frozenset: [1] }, 0))
    assert.ok(!matches([1], { set: [1] }, 0))
    assert.ok(
      matches(
        { a: 1, b: 2 },
        {
          dict: [
            ['b', 2],
            ['a', 1],
          ],
        },
        0,
      ),
    )
  })
  test('may be off by the tolerance and no more', () => {
    assert.ok(matches([0.3], [0.1 + 0.2], 1e-9))
    assert.ok(!matches([0.3], [0.1 + 0.2], 0))
    assert.ok(!matches(1, 1.1, 0.05))
    assert.ok(!matches(1, { float: 'nan' }, 1))
  })
  test('are no replies if they are odd', () => {
    for (const line of ['', '9', 'null', '[]', '{}', '{"value"', '['.repeat(1000), '{"raised":1}'])
      assert.equal(readReply(line), null)
    assert.deepEqual(readReply('{"value":null}'), { value: null })
  })
})

describe('the filter of system calls', () => {
  const machines = {
    x64: {
      audit: 0xc000003e,
      read: 0,
      socket: 41,
      socketpair: 53,
      ptrace: 101,
      fork: 57,
      clone: 56,
      ioctl: 16,
      execve: 59,
      bpf: 321,
    },
    arm64: {
      audit: 0xc00000b7,
      read: 63,
      socket: 198,
      socketpair: 199,
      ptrace: 117,
      fork: 435,
      clone: 220,
      ioctl: 29,
      execve: 221,
      bpf: 280,
    },
  }
  const [allow, refuse, kill, absent] = [0x7fff0000, 0x50001, 0x80000000, 0x50026]
  for (const [name, of] of Object.entries(machines)) {
    const run = (number: number, args: number[] = [], audit = of.audit): number =>
      runFilter(seccompFilter(name) ?? Buffer.alloc(0), number, audit, args)
    test(`lets ${name} compute and start threads, and refuses the rest`, () => {
      for (const call of [of.read, of.socketpair, of.execve]) assert.equal(run(call), allow)
      for (const call of [of.socket, of.ptrace, of.bpf]) assert.equal(run(call), refuse)
      assert.equal(run(of.fork), name === 'x64' ? refuse : absent)
      assert.equal(run(435), absent)
      assert.equal(run(of.clone, [0x3d0f00]), allow)
      assert.equal(run(of.clone, [17]), refuse)
      assert.equal(run(of.clone, [0x3d0f00 | 0x10000000]), refuse)
      assert.equal(run(of.ioctl, [0, 0x5413]), allow)
      assert.equal(run(of.ioctl, [0, 0x5412]), refuse)
      assert.equal(run(of.read, [], 0x40000003), kill)
    })
  }
  test('ends calls of the x32 set, and is not to be had on a processor without a list', () => {
    assert.equal(runFilter(seccompFilter('x64') ?? Buffer.alloc(0), 0x40000000, 0xc000003e, []), kill)
    assert.equal(seccompFilter('riscv64'), null)
  })
})

/** A machine for classic BPF as far as the filter uses it. */
function runFilter(filter: Buffer, number: number, audit: number, args: readonly number[]): number {
  const data = Buffer.alloc(64)
  data.writeUInt32LE(number, 0)
  data.writeUInt32LE(audit, 4)
  args.forEach((arg, i) => data.writeUInt32LE(arg >>> 0, 16 + 8 * i))
  let accumulator = 0
  for (let at = 0; at < filter.length; at += 8) {
    const [code, yes, no, k] = [
      filter.readUInt16LE(at),
      filter[at + 2] ?? 0,
      filter[at + 3] ?? 0,
      filter.readUInt32LE(at + 4),
    ]
    if (code === 0x06) return k
    if (code === 0x20) accumulator = data.readUInt32LE(k)
    else {
      const holds = { 0x15: accumulator === k, 0x35: accumulator >= k, 0x45: (accumulator & k) !== 0 }[code]
      assert.notEqual(holds, undefined, `instruction ${code}`)
      at += 8 * (holds ? yes : no)
    }
  }
  return assert.fail('the filter has no end')
}
