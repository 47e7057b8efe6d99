import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import type { ProgramRow } from '../../datasets/programs/problem.ts'
import { FulcrumError } from '../../src/errors.ts'
import { codeAnswer } from '../../src/verify/code/code-answer.ts'
import type { Verifier } from '../../src/verify/verifier.ts'
import { fence, judge, skipPython, square } from './code-setup.ts'

const rowsOf = (language: string): ProgramRow[] =>
  readFileSync(new URL(`../../datasets/programs/${language}.jsonl`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ProgramRow)

async function judgeRows(verifier: Verifier, language: string): Promise<string[]> {
  const odd = await Promise.all(
    rowsOf(language).map(async ({ id, problem, answer, solution, wrong }) => {
      const right = await verifier.verify(fence(solution.trimEnd(), language), answer, problem)
      const slipped = await verifier.verify(fence(wrong.trimEnd(), language), answer, problem)
      return right.verdict === 'equal' && slipped.verdict === 'different'
        ? []
        : [`${id}: ${right.verdict} ${right.reason ?? ''}, ${slipped.verdict} ${slipped.reason ?? ''}`]
    }),
  )
  return odd.flat()
}

describe('Python programs', { skip: skipPython, concurrency: 2 }, () => {
  let verifier: Verifier
  before(async () => {
    verifier = await codeAnswer({ languages: ['python'], concurrency: 2 })
  })
  after(() => verifier.close?.())
  const verdict = async (code: string, suite: object): Promise<string> => {
    const { verdict, reason } = await judge(verifier, code, suite)
    return reason === null ? verdict : `${verdict}: ${reason}`
  }

  test('of our own problems pass if right and fail with one slip', async () => {
    assert.deepEqual(await judgeRows(verifier, 'python'), [])
  })
  test('say which test failed and what came out', async () => {
    assert.equal(await verdict('def f(x): return 9', square), 'different: test 2: f(-7) gave 9')
    assert.equal(
      await verdict('def f(x): return [x, y]', square),
      "different: test 1: f(3) raised NameError name 'y' is not defined",
    )
    assert.equal(
      await verdict('def g(x): return x', square),
      'different: test 1: the program does not define the entry point',
    )
    assert.equal(
      await verdict('def f(x) return x', square),
      'different: the program does not run: SyntaxError',
    )
    assert.equal(
      await verdict('print(1)\nraise SystemExit(3)', { tests: [{ stdin: '', stdout: '1' }] }),
      'different: test 1: the program ends with status 3',
    )
  })
  test('keep the kinds of values apart that differ and join those that do not', async () => {
    const gives = async (code: string, expected: unknown): Promise<string> =>
      (
        await judge(verifier, `def f(): return ${code}`, {
          entry_point: 'f',
          tests: [{ args: [], expected }],
        })
      ).verdict
    const pairs: [string, unknown, string][] = [
      ['(1, [2])', [1, [2]], 'equal'],
      [
        '{1: {2, 3}, "a": b"\\x00"}',
        {
          $dict: [
            ['a', { $bytes: '00' }],
            [1, { $set: [3, 2] }],
          ],
        },
        'equal',
      ],
      ['2**100', { $int: String(2n ** 100n) }, 'equal'],
      ['2**100 + 1', { $int: String(2n ** 100n) }, 'different'],
      ['1.0', 1, 'equal'],
      ['True', 1, 'different'],
      ['1', true, 'different'],
      ['"1"', 1, 'different'],
      ['None', [], 'different'],
      ['float("nan")', { $float: 'nan' }, 'equal'],
      ['map(str, [1])', ['1'], 'different'],
      ['{"a": 1}', { a: 1 }, 'equal'],
      ['{"a": 1, "b": 2}', { a: 1 }, 'different'],
    ]
    for (const [code, expected, wanted] of pairs) assert.equal(await gives(code, expected), wanted, code)
  })
  test('are asked by expressions, keywords and for what they raise', async () => {
    const code =
      'class Stack:\n    def __init__(self, *v): self.v = [*v]\n    def pop(self): return self.v.pop()\ndef f(x, *, by=1): return x / by'
    const tests = [
      { call: 'Stack(1, 2).pop()', expected: 2 },
      { args: [6], keywords: { by: 3 }, expected: 2 },
      { args: [1], keywords: { by: 0 }, raises: 'ZeroDivisionError' },
    ]
    assert.equal(await verdict(code, { entry_point: 'f', tests }), 'equal')
    assert.match(
      await verdict(code, { entry_point: 'f', tests: [{ args: [1], raises: 'KeyError' }] }),
      /raised no KeyError/,
    )
  })
  test('answer assertions over the wall: values, objects, what they change and what they raise', async () => {
    const code =
      'class Box:\n    def __init__(self): self.things = []\n    def put(self, x):\n        self.things.append(x)\n        return self\n    def __len__(self): return len(self.things)\ndef f(x):\n    x.sort()\n    if not x: raise ValueError("empty")\n    return (x[0] for _ in range(2))\ndef sum(a, b): return 6'
    const tests = [
      { assert: 'y = [3, 1]\nassert list(f(y)) == [1, 1] and y == [1, 3]' },
      { assert: 'b = Box()\nassert len(b.put(1).put(2)) == 2 and b.things == [1, 2]' },
      {
        assert:
          'try:\n    f([])\n    assert False\nexcept ValueError as error:\n    assert str(error) == "empty"',
      },
      { assert: 'assert sum(10, 15) == 6 and candidate is not None' },
    ]
    const suite = { entry_point: 'f', names: ['Box', 'sum'], tests }
    assert.equal(await verdict(code, suite), 'equal')
    assert.equal(
      await verdict(code, { ...suite, names: [] }),
      "unparsed: test 2 does not run: name 'Box' is not defined",
    )
    assert.equal(
      await verdict('def f(x): return []', { entry_point: 'f', tests: [tests[0]] }),
      'different: test 1: AssertionError',
    )
    assert.equal(
      await verdict('def f(x): return 3.0', { tests: [{ assert: 'assert type(f(3.0)) is float' }] }),
      'equal',
    )
  })
  test('are checked by whole functions of assertions, as published suites have them', async () => {
    const setup =
      'from math import isclose\nMETADATA = {}\ndef check(candidate):\n    assert isclose(candidate(2.0), 4.0), "first"\n    assert candidate(3) == 9, "second"'
    const suite = { entry_point: 'f', setup, tests: [{ assert: 'check(f)' }] }
    assert.equal(await verdict('def f(x): return x * x', suite), 'equal')
    assert.equal(await verdict('def f(x): return x + 2', suite), 'different: test 1: AssertionError: second')
    const broken = { entry_point: 'f', setup: 'def check(:', tests: [{ assert: 'check(f)' }] }
    assert.match(await verdict('def f(x): return x', broken), /^unparsed: the tests do not run: SyntaxError/)
  })
  test('read their input by every usual way and nothing is added to it', async () => {
    const ways = [
      'import sys\nprint(len(sys.stdin.read()))',
      'import os\nprint(len(os.read(0, 100)))',
      'print(len(open(0).read()))',
      'import sys\nif __name__ == "__main__": print(len("".join(sys.stdin)))',
    ]
    for (const way of ways)
      assert.equal(await verdict(way, { tests: [{ stdin: 'abc\nd', stdout: '5\n' }] }), 'equal')
  })
})

describe('a verifier of programs', () => {
  test('says why nothing can be judged', async () => {
    const verifier = await codeAnswer({ languages: ['javascript'] })
    const why = async (completion: string, answer: string): Promise<string> => {
      const { verdict, reason } = await verifier.verify(completion, answer, '')
      return `${verdict}: ${reason ?? ''}`
    }
    const suite = JSON.stringify({ language: 'javascript', ...square })
    assert.equal(await why('It is nine.', suite), 'unparsed: no code block')
    assert.equal(await why('<think>```js', suite), 'unparsed: the thinking never ends')
    assert.equal(await why('```js\nfunction f', suite), 'unparsed: the code block never ends')
    assert.equal(await why(fence('1', 'js'), '42 is no suite'), 'unparsed: the answer is not JSON of tests')
    assert.match(
      await why(fence('1', 'js'), '{"language":"cobol","tests":[]}'),
      /^unparsed: the tests cannot be read: language/,
    )
    assert.match(
      await why(fence('1'), JSON.stringify({ language: 'python', ...square })),
      /python are not run here/,
    )
    await verifier.close?.()
  })
  test('refuses to start without a Python, a sandbox, or with options that are none', async () => {
    const refusal = (options: object) =>
      codeAnswer(options).then(
        () => null,
        (error: unknown) => error as FulcrumError,
      )
    const nowhere = await refusal({ languages: ['python'], python: '/nowhere/python' })
    assert.equal(nowhere?.code, 'verify')
    assert.match(nowhere.message, /"\/nowhere\/python" does not run/)
    assert.equal((await refusal({ concurrency: 0 }))?.code, 'config')
  })
  test(
    'warns and says so in its name where it runs programs without walls',
    { skip: skipPython },
    async () => {
      const warnings: string[] = []
      const onWarning = (text: string): void => void warnings.push(text)
      const verifier = await codeAnswer({ languages: ['python'], unsafeExec: true, onWarning })
      assert.match(verifier.id, /^code\/1\+python-3\.\d+\.\d+-unsafe$/)
      assert.equal(warnings.length, 1)
      assert.equal((await judge(verifier, 'def f(x): return x * x', square)).verdict, 'equal')
    },
  )
})

describe('JavaScript programs', () => {
  let verifier: Verifier
  before(async () => {
    const limits = { cpuSeconds: 1, wallMs: 5000, memoryBytes: 2 ** 26, outputBytes: 2 ** 20 }
    verifier = await codeAnswer({ languages: ['javascript'], concurrency: 1, limits })
  })
  after(() => verifier.close?.())
  const verdict = async (code: string, suite: object): Promise<string> => {
    const { verdict, reason } = await judge(verifier, code, suite, 'javascript')
    return reason === null ? verdict : `${verdict}: ${reason}`
  }

  test('of our own problems pass if right and fail with one slip', async () => {
    assert.deepEqual(await judgeRows(verifier, 'javascript'), [])
  })
  test('may be functions, constants, exports, modules and promises', async () => {
    for (const code of [
      'const f = (x) => x * x',
      'export default function f(x) { return x * x }',
      'const f = async (x) => x * x\nexport { f }',
      'module.exports = { f: (x) => x ** 2 }',
      'exports.f = (x) => Promise.resolve(x * x)',
    ])
      assert.equal(await verdict(code, square), 'equal', code)
  })
  test('answer assertions from their own realm', async () => {
    const code =
      'function f(x) { x.push(3); return { a: [1, new Set([2])] } }\nfunction g() { throw new TypeError("no") }'
    const tests = [
      { assert: 'const y = []; assert.deepEqual(f(y), { a: [1, new Set([2])] }); assert.deepEqual(y, [3])' },
      { assert: 'assert.throws(() => g(), TypeError); assert.equal(typeof g, "function")' },
    ]
    assert.equal(await verdict(code, { entry_point: 'f', names: ['g'], tests }), 'equal')
    assert.equal(
      await verdict('const f = () => 1', { entry_point: 'f', tests: [{ assert: 'assert.equal(f(), 2)' }] }),
      'different: test 1: AssertionError not equal',
    )
    assert.match(
      await verdict('const f = () => 1', { tests: [{ assert: 'h()' }] }),
      /^unparsed: test 1 does not run/,
    )
  })
  const cheats: Readonly<Record<string, string>> = {
    'loop for ever': 'const f = () => { for (;;); }',
    'loop for ever in a promise': 'const f = async () => { for (;;) await null }',
    'never settle': 'const f = () => new Promise(() => {})',
    'backtrack without end': 'const f = () => /^(a+)+$/.test("a".repeat(60) + "b")',
    'fill the memory': 'const f = () => { const all = []; for (;;) all.push(new Uint8Array(1e6)) }',
    'double a text': 'const f = () => { let s = "x"; for (;;) s += s }',
    'recurse without end': 'const f = (x) => f(x) + 1',
    'print without end': 'for (;;) console.log("x".repeat(1000))',
    'reach for the host':
      'const f = (x) => { this.constructor.constructor("return process")().exit(0); return x * x }',
    'load a module': 'const f = (x) => { require("child_process"); return x * x }',
    'import a module': 'const f = async (x) => { await import("node:fs"); return x * x }',
    fetch: 'const f = async (x) => { await fetch("http://127.0.0.1"); return x * x }',
    'patch JSON': 'JSON.stringify = () => \'{"value":9}\'; JSON.parse = () => 9; const f = () => 0',
    'patch prototypes':
      'Object.prototype.toJSON = Array.prototype.toJSON = Number.prototype.toJSON = () => "equal"; const f = () => ({})',
    'look for the question':
      'const f = () => { for (const name of Object.getOwnPropertyNames(globalThis)) if (globalThis[name]?.expected) return globalThis[name].expected; return new Error().stack }',
    'return a proxy': 'const f = () => new Proxy({}, { get: () => 9, ownKeys: () => { throw 9 } })',
    'return what turns into a number':
      'const f = () => ({ valueOf: () => 9, toString: () => "9", toJSON: () => 9 })',
    'return themselves': 'const f = () => { const y = []; y.push(y); return y }',
    exit: 'const f = () => process.exit(0)',
    'throw what cannot be shown':
      'const f = () => { throw { get message() { throw 1 }, toString() { throw 2 } } }',
  }
  for (const [name, code] of Object.entries(cheats))
    test(`gain nothing if they ${name}`, async () => {
      const { verdict, reason } = await judge(verifier, code, square, 'javascript')
      assert.equal(verdict, 'different', reason ?? '')
    })
  test('do not meet what an earlier program left', async () => {
    assert.equal(
      (
        await judge(
          verifier,
          'globalThis.left = 9; Array.prototype.left = 9; const f = (x) => x * x',
          square,
          'javascript',
        )
      ).verdict,
      'equal',
    )
    assert.equal(await verdict('const f = (x) => [].left ?? globalThis.left ?? x * x', square), 'equal')
  })
})
