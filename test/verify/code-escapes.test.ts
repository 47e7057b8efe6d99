import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { codeAnswer } from '../../src/verify/code/code-answer.ts'
import type { Verifier } from '../../src/verify/verifier.ts'
import { judge, skipPython, square, unlessHeld } from './code-setup.ts'

/** What a program may not do to the machine. Each answers rightly if it gets through, so that a hole shows as `equal`. */
const breakouts: Readonly<Record<string, string>> = {
  'opens a socket': 'import socket\nsocket.socket()',
  'opens a unix socket': 'import socket\nsocket.socket(socket.AF_UNIX)',
  'asks a name server': 'import socket\nsocket.getaddrinfo("example.org", 80)',
  forks: 'import os\nif os.fork() == 0: os._exit(0)',
  'forks twice to outlive the sandbox':
    'import os\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        while True: pass\n    os._exit(0)',
  'starts a shell': 'import subprocess\nsubprocess.run(["/bin/sh", "-c", "true"], check=True)',
  'starts Python again': 'import subprocess, sys\nsubprocess.run([sys.executable, "-c", ""], check=True)',
  'uses another processor by multiprocessing':
    'import multiprocessing\np = multiprocessing.Process(target=print)\np.start()\np.join()',
  'fills the memory': 'held = [bytearray(2**20) for _ in range(2000)]',
  'fills memory that no limit counts': 'import os\nos.write(os.memfd_create("x"), b"x" * 1000)',
  'fills the disk': 'import tempfile\nwith tempfile.TemporaryFile() as file: file.write(b"x" * 10**6)',
  'writes to /tmp': 'open("/tmp/escaped", "w").write("x")',
  'writes to /dev/shm': 'open("/dev/shm/escaped", "w").write("x")',
  'writes where it stands': 'open("escaped", "w").write("x")',
  'writes into the interpreter': 'import os\nopen(os.__file__, "a").write("\\n")',
  'makes a link that leads out':
    'import os\nos.symlink("/etc/passwd", "/tmp/link")\nopen("/tmp/link").read()',
  'reads the users of the machine': 'open("/etc/passwd").read()',
  'reads what other processes run': 'import os\nopen(f"/proc/{os.getppid()}/cmdline").read()',
  'reads its own memory map': 'open("/proc/self/maps").read()',
  'reads the home folder': 'import os\nassert os.listdir("/root") != [".pyenv"] and os.listdir("/root")',
  'reads the working folder of the caller': 'import os\nassert "package.json" in os.listdir(".")',
  'reads a secret of the environment': 'import os\nassert "FULCRUM_TEST_SECRET" in os.environ',
  'finds packages that are installed': 'import pip',
  'traces its parent': 'import ctypes\nassert ctypes.CDLL(None).ptrace(16, 1, 0, 0) == 0',
  'makes namespaces': 'import ctypes\nassert ctypes.CDLL(None).unshare(0x10000000) == 0',
  'mounts a file system': 'import ctypes\nassert ctypes.CDLL(None).mount(b"n", b"/", b"tmpfs", 0, None) == 0',
  'changes its root': 'import os\nos.chroot("/usr")',
  'becomes root': 'import os\nos.setuid(0)',
  'gets rights back':
    'import ctypes\nassert ctypes.CDLL(None).prctl(24, 21, 0, 0, 0) == 0 and ctypes.CDLL(None).prctl(47, 2, 21, 0, 0) == 0',
  'lifts its limits': 'import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))',
  'starts a thousand threads':
    'import threading\nfor _ in range(1000): threading.Thread(target=threading.Event().wait, daemon=True).start()',
  'makes device files': 'import os, stat\nos.mknod("/dev/mem", 0o600 | stat.S_IFCHR, os.makedev(1, 1))',
}

/** What a program may not do to its grader. */
const cheats: Readonly<Record<string, string>> = {
  'prints what a pass may look like':
    'def f(x):\n    print(\'{"value": 9}\'); print(\'!{"passed": 2}\'); print("PASS")\n    return 0',
  'writes a pass to every descriptor':
    'import os\nfor fd in range(3, 64):\n    try: os.write(fd, b\'!{"passed": 2}\\n{"verdict": "equal"}\\n\')\n    except OSError: pass\ndef f(x): return 0',
  'ends before it is asked': 'import os\nos._exit(0)',
  'ends when it is asked': 'import sys\ndef f(x): sys.exit(0)',
  'ends the hard way when asked': 'import os\ndef f(x): os._exit(0)',
  'passes at exit': 'import atexit\natexit.register(lambda: print("equal"))\ndef f(x): raise SystemExit(0)',
  'returns what equals everything':
    'class Any:\n    def __eq__(self, other): return True\n    def __hash__(self): return 9\ndef f(x): return Any()',
  'returns a number that equals everything':
    'class Any(int):\n    def __eq__(self, other): return True\n    __hash__ = int.__hash__\n    def __repr__(self): return "9"\n    __index__ = __str__ = __repr__\ndef f(x): return Any(1)',
  'returns a text that equals everything':
    'class Any(str):\n    def __eq__(self, other): return True\n    __hash__ = str.__hash__\ndef f(x): return Any("no")',
  'patches json':
    'import json\njson.dumps = lambda *a, **k: \'{"verdict": "equal", "passed": 2}\'\ndef f(x): return 0',
  'patches the encoder of its player':
    'import sys\nfor name in ("encode", "answer", "operate"):\n    setattr(sys.modules["__main__"], name, lambda *a, **k: {"value": "equal"})\ndef f(x): return 0',
  'patches builtins':
    'import builtins\nbuiltins.AssertionError = ValueError\nbuiltins.isinstance = lambda *a: True\nbuiltins.str = lambda x: "9"\ndef f(x): return 0',
  'searches the frames for what is expected':
    'import sys\ndef f(x):\n    frame = sys._getframe()\n    while frame:\n        for value in [*frame.f_locals.values(), *frame.f_globals.values()]:\n            if isinstance(value, dict) and "expected" in value: return value["expected"]\n        frame = frame.f_back\n    return 0',
  'searches the memory for what is expected':
    'import gc\ndef f(x):\n    for thing in gc.get_objects():\n        if type(thing) is dict and "expected" in thing: return thing["expected"]\n    return 0',
  'answers without waiting for the question':
    'import os, threading\ndef spam():\n    while True:\n        for fd in range(3, 10):\n            try: os.write(fd, b\'{"value": 9}\\n\')\n            except OSError: pass\nthreading.Thread(target=spam, daemon=True).start()\ndef f(x): return 0',
  'answers with JSON that is too deep':
    'import os\ndef f(x):\n    for fd in range(3, 10):\n        try: os.write(fd, b"[" * 100000 + b"\\n")\n        except OSError: pass\n    os._exit(0)',
  'kills whatever it may':
    'import os, signal\ndef f(x):\n    os.kill(1, 9)\n    os.kill(-1, 9)\n    return 0',
  'signals its group': 'import os\ndef f(x): os.killpg(0, 9)',
  'crashes the interpreter': 'import ctypes\ndef f(x): ctypes.string_at(0)',
  'returns itself nested for ever': 'def f(x):\n    y = []\n    y.append(y)\n    return y',
  'returns too much': 'def f(x): return list(range(10**6))',
  'recurses without end': 'def f(x): return f(x)',
  'prints without end': 'import os\nwhile True: os.write(2, b"x" * 65536)',
  'changes the question': 'def f(x):\n    import sys\n    sys.setrecursionlimit(10)\n    return x',
}

/** Cheats against assertions, whose text the program never sees. */
const assertCheats: Readonly<Record<string, string>> = {
  'returns what equals everything':
    'class Any:\n    def __eq__(self, other): return True\n    def __bool__(self): return True\ndef f(x): return Any()',
  'brings its own abs': 'def abs(x): return 0\ndef f(x): return 0',
  'brings its own check': 'def check(candidate): pass\ndef f(x): return 0',
  'ends the loop of the tests': 'def f(x): raise StopIteration',
  'ends before the tests': 'import os\ndef f(x): os._exit(0)',
  'raises what the tests raise': 'def f(x): raise AssertionError',
  'writes that all has passed':
    'import os\ndef f(x):\n    for fd in range(3, 10):\n        try: os.write(fd, b\'!{"passed": 2}\\n\')\n        except OSError: pass\n    return 0',
}

describe('a program in the sandbox', { skip: skipPython, concurrency: 2 }, () => {
  let verifier: Verifier
  before(async () => {
    process.env.FULCRUM_TEST_SECRET = 'secret'
    const limits = { cpuSeconds: 3, wallMs: 15_000, memoryBytes: 2 ** 28, outputBytes: 2 ** 20 }
    verifier = await codeAnswer({ languages: ['python'], concurrency: 2, limits })
  })
  after(() => verifier.close?.())

  test('passes if it is right, and if it only says that it was held it does not', async () => {
    assert.equal((await judge(verifier, unlessHeld('pass'), square)).verdict, 'equal')
    assert.equal((await judge(verifier, unlessHeld('1 / 0'), square)).verdict, 'different')
  })
  for (const [name, attempt] of Object.entries(breakouts)) {
    test(`fails if it ${name}`, async () => {
      const { verdict, reason } = await judge(verifier, unlessHeld(attempt), square)
      assert.equal(verdict, 'different', reason ?? '')
    })
  }
  for (const [name, program] of Object.entries(cheats)) {
    test(`gains nothing if it ${name}`, async () => {
      const { verdict, reason } = await judge(verifier, program, square)
      assert.equal(verdict, 'different', reason ?? '')
    })
  }
  for (const [name, program] of Object.entries(assertCheats)) {
    test(`does not fool assertions if it ${name}`, async () => {
      const setup = 'def check(candidate):\n    assert all(map(lambda x: candidate(x) == x * x, [3, 4]))'
      const tests = [{ assert: 'check(f)\nassert abs(f(3) - 9) < 1e-9' }]
      const { verdict, reason } = await judge(verifier, program, { entry_point: 'f', setup, tests })
      assert.equal(verdict, 'different', reason ?? '')
    })
  }
  test('prints nothing that only looks like the answer', async () => {
    const tests = [{ stdin: '3\n', stdout: '9\n' }]
    for (const printed of ['９', '9\u200b', '\u0669', '9\u0008', '9\n9', '<b>9</b>', '\u001b[1m9'])
      assert.equal(
        (await judge(verifier, `print(${JSON.stringify(printed)})`, { tests })).verdict,
        'different',
      )
    assert.equal((await judge(verifier, 'print("9 ")', { tests })).verdict, 'equal')
  })
  test('is stopped when it sleeps, deaf to signals, and leaves no process behind', async () => {
    const mark = `sleeper-${process.pid}-${performance.now()}`
    const strict = await codeAnswer({ languages: ['python'], limits: { wallMs: 400 } })
    const program = `# ${mark}\nimport signal, time\nfor n in range(1, 32):\n    try: signal.signal(n, signal.SIG_IGN)\n    except (OSError, ValueError): pass\nwhile True: time.sleep(1)`
    const { verdict, reason } = await judge(strict, program, { tests: [{ stdin: '', stdout: 'x' }] })
    assert.deepEqual(
      { verdict, reason },
      { verdict: 'different', reason: 'test 1: the program takes too long' },
    )
    assert.deepEqual(processesWith(mark), [])
  })
  test('is stopped when it computes without end', async () => {
    const strict = await codeAnswer({ languages: ['python'], limits: { cpuSeconds: 1 } })
    const { verdict, reason } = await judge(strict, 'def f(x):\n    while True: pass', square)
    assert.deepEqual(
      { verdict, reason },
      { verdict: 'different', reason: 'test 1: the program takes too long' },
    )
  })
  test('would get through without the walls, which shows that these tests can fail', async () => {
    const bare = await codeAnswer({ languages: ['python'], unsafeExec: true })
    for (const name of [
      'opens a unix socket',
      'forks',
      'starts Python again',
      'reads the users of the machine',
    ])
      assert.equal((await judge(bare, unlessHeld(breakouts[name] ?? ''), square)).verdict, 'equal', name)
  })
})

/** Command lines of the machine's processes that hold a text. */
function processesWith(mark: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(mark)
      } catch {
        return false
      }
    })
}
