/** Evaluated in a fresh realm before anything else, so that it holds the language's own functions whatever a program does to
 *  them later; its value is the object below. Values cross as JSON text in the form of wire.ts: functions and other objects
 *  without fields are handles that lead nowhere. `hear` is given each text that is printed. */
export const realmSource = String.raw`
(function (hear, input, longest) {
  'use strict'
  const { stringify, parse } = JSON
  const { isArray } = Array
  const { keys, getPrototypeOf, prototype: { hasOwnProperty } } = Object
  const { apply, construct } = Reflect
  const [Bytes, Pledge, Dictionary, Collection, Failure, Whole] = [ArrayBuffer, Promise, Map, Set, Error, BigInt]
  const uncurry = (method) => (self, ...args) => apply(method, self, args)
  const then = uncurry(Pledge.prototype.then)
  const eachEntry = uncurry(Dictionary.prototype.forEach)
  const eachMember = uncurry(Collection.prototype.forEach)
  const text = String
  const finite = Number.isFinite
  const hex = uncurry(Whole.prototype.toString)

  function encode(value, depth, room) {
    if (--room[0] < 0 || depth > 90) throw new RangeError('a value is too deep or too large')
    if (value === undefined) return { undefined: true }
    if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
    if (typeof value === 'number') {
      if (finite(value)) return value
      return { float: value !== value ? 'nan' : value > 0 ? 'inf' : '-inf' }
    }
    if (typeof value === 'bigint') return { int: value < 0n ? '-0x' + hex(-value, 16) : '0x' + hex(value, 16) }
    if (typeof value !== 'object') return { object: typeof value }
    const list = []
    const add = (each) => { list[list.length] = encode(each, depth + 1, room) }
    if (isArray(value) || (Bytes.isView(value) && !(value instanceof DataView))) {
      for (let i = 0; i < value.length; i++) add(value[i])
      return list
    }
    if (value instanceof Dictionary) {
      eachEntry(value, (each, key) => add([key, each]))
      return { dict: list }
    }
    if (value instanceof Collection) {
      eachMember(value, (each) => add(each))
      return { set: list }
    }
    if (value instanceof Failure) return { object: 'error' }
    const names = keys(value)
    for (let i = 0; i < names.length; i++) add([names[i], value[names[i]]])
    return { dict: list }
  }

  function decode(wire) {
    if (wire === null || typeof wire !== 'object') return wire
    if (isArray(wire)) {
      const list = []
      for (let i = 0; i < wire.length; i++) list[i] = decode(wire[i])
      return list
    }
    const tag = keys(wire)[0]
    const content = wire[tag]
    if (tag === 'undefined') return undefined
    if (tag === 'int') return content[0] === '-' ? -Whole(content.slice(1)) : Whole(content)
    if (tag === 'float') return Number(content.replace('inf', 'Infinity'))
    if (tag === 'tuple') return decode(content)
    if (tag === 'set' || tag === 'frozenset') return new Collection(decode(content))
    if (tag !== 'dict') return {}
    let plain = true
    for (let i = 0; i < content.length; i++) plain = plain && typeof content[i][0] === 'string'
    if (!plain) return new Dictionary(decode(content))
    const object = {}
    for (let i = 0; i < content.length; i++) object[content[i][0]] = decode(content[i][1])
    return object
  }

  const write = (reply) => {
    const line = stringify(reply)
    if (typeof line !== 'string' || line.length > longest) throw new RangeError('a value is too large')
    return line
  }
  const value = (result, args) => {
    const room = [200000]
    return write({ value: encode(result, 0, room), ...(args && { args: encode(args, 0, room) }) })
  }
  const raised = (error) => {
    try {
      const isError = error instanceof Failure
      const name = isError ? text(error.name) : typeof error
      return stringify({ raised: name.slice(0, 80), text: text(isError ? error.message : error).slice(0, 300) })
    } catch {
      return '{"raised":"Error","text":""}'
    }
  }
  let settled
  const answer = (make, args) => {
    try {
      const result = make()
      if (!(result instanceof Pledge)) return value(result, args)
      settled = '{"raised":"Error","text":"its promise is never settled"}'
      const settle = (make) => (outcome) => {
        try {
          settled = make(outcome)
        } catch (error) {
          settled = raised(error)
        }
      }
      then(result, settle((outcome) => value(outcome, args)), settle(raised))
      return ''
    } catch (error) {
      return raised(error)
    }
  }

  const shown = (each) => {
    if (typeof each !== 'object' || each === null) return typeof each === 'bigint' ? each + 'n' : text(each)
    return stringify(each) ?? text(each)
  }
  const print = (...all) => hear(all.map(shown).join(' ') + '\n')
  const console = { log: print, info: print, debug() {}, warn() {}, error() {} }
  const lines = input.split('\n')
  if (lines[lines.length - 1] === '') lines.length--
  let next = 0
  const stdin = {
    fd: 0,
    setEncoding() {},
    resume() {},
    on(event, listener) {
      then(Pledge.resolve(), () => (event === 'data' ? listener(input) : event === 'end' ? listener() : undefined))
      return stdin
    },
  }
  const createInterface = () => {
    const reader = {
      on(event, listener) {
        const give = () => lines.forEach((line) => listener(line))
        then(Pledge.resolve(), () => (event === 'line' ? give() : event === 'close' ? listener() : undefined))
        return reader
      },
      close() {},
      async *[Symbol.asyncIterator]() { yield* lines },
    }
    return reader
  }
  const process = {
    argv: ['node', 'main.js'], env: {}, stdin, stdout: { write(chunk) { hear(text(chunk)) } },
    exit(code) { throw new Failure('exit ' + (code ?? 0)) },
  }
  const fs = {
    readFileSync(path) {
      if (path === 0 || path === '/dev/stdin') return input
      throw new Failure('there are no files')
    },
  }
  const readline = { createInterface }
  const modules = { fs, readline, process, 'node:fs': fs, 'node:readline': readline, 'node:process': process }
  const require = (name) => {
    if (apply(hasOwnProperty, modules, [name])) return modules[name]
    throw new Failure('there is no module ' + name)
  }
  const module = { exports: {} }
  Object.assign(globalThis, {
    console, print, process, require, module, exports: module.exports, readline: () => lines[next++],
  })

  return {
    raised,
    value: (result) => answer(() => result),
    call: (callable, args) => {
      const given = decode(parse(args))
      return answer(() => (isClass(callable) ? construct(callable, given) : apply(callable, undefined, given)), given)
    },
    settled: () => settled,
    encode: (each) => write(encode(each, 0, [200000])),
    decode: (wire) => decode(parse(wire)),
  }

  function isClass(callable) {
    return typeof callable === 'function' && apply(Function.prototype.toString, callable, []).slice(0, 5) === 'class'
  }
})`

/** Evaluated in the realm of the assertions, after realmSource: makes stand-ins for the program's functions and `assert`. */
export const checkerSource = String.raw`
(function (realm, ask, names) {
  'use strict'
  const { isArray } = Array
  class AssertionError extends Error { get name() { return 'AssertionError' } }
  const canonical = (each) => JSON.stringify(sorted(JSON.parse(realm.encode(each))))
  function sorted(wire) {
    if (isArray(wire)) return wire.map(sorted)
    if (wire === null || typeof wire !== 'object') return wire
    const [tag, content] = Object.entries(wire)[0]
    if (tag !== 'dict' && tag !== 'set') return wire
    return { [tag]: content.map((each) => JSON.stringify(sorted(each))).sort() }
  }
  const insist = (held, message, fallback) => {
    if (!held) throw new AssertionError(message ?? fallback)
  }
  const assert = (held, message) => insist(held, message, 'not true')
  const equal = (a, b, message) => insist(Object.is(a, b) || a === b, message, 'not equal')
  const deepEqual = (a, b, message) => insist(canonical(a) === canonical(b), message, 'not deeply equal')
  Object.assign(assert, {
    ok: assert, equal, strictEqual: equal, deepEqual, deepStrictEqual: deepEqual,
    notEqual: (a, b, message) => insist(a !== b, message, 'equal'),
    notStrictEqual: (a, b, message) => insist(a !== b, message, 'equal'),
    notDeepEqual: (a, b, message) => insist(canonical(a) !== canonical(b), message, 'deeply equal'),
    throws: (make, kind, message) => {
      try { make() } catch (error) {
        const fits = typeof kind !== 'function' || error instanceof kind
        return insist(fits, message, 'threw something else')
      }
      throw new AssertionError(message ?? 'threw nothing')
    },
  })
  const plainRequire = globalThis.require
  const modules = ['assert', 'node:assert', 'assert/strict', 'node:assert/strict']
  globalThis.require = (name) => (modules.includes(name) ? assert : plainRequire(name))
  globalThis.assert = assert

  const renew = (before, after) => {
    if (before === null || typeof before !== 'object' || isArray(before) !== isArray(after)) return
    for (const key of Object.keys(before)) delete before[key]
    if (isArray(before)) before.length = 0
    Object.assign(before, after)
  }
  const standIn = (name) => (...args) => {
    const reply = JSON.parse(ask(name, realm.encode(args)))
    if (reply.missing) throw new ReferenceError('the program has no ' + name)
    if (reply.raised !== undefined) {
      const kinds = { TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError }
      const error = new (Object.hasOwn(kinds, reply.raised) ? kinds[reply.raised] : Error)(String(reply.text))
      error.name = String(reply.raised)
      throw error
    }
    if (reply.args !== undefined) realm.decode(JSON.stringify(reply.args)).forEach((after, i) => renew(args[i], after))
    return realm.decode(JSON.stringify(reply.value))
  }
  for (const name of names.split(' ')) if (name !== '') globalThis[name] = standIn(name)
})`
