import type { Limits } from './limits.ts'
import type { Sandbox } from './sandbox.ts'

/** Runs a good program and a battery of escapes; says which hole is open, or null. About 0.5 s. */
export async function selfTest(sandbox: Sandbox): Promise<string | null> {
  const [holes, late] = await Promise.all([
    run(sandbox, escapes, battery),
    run(sandbox, 'import time\ntime.sleep(60)', { ...battery, wallMs: 300 }),
  ])
  if (holes.how === 'never') return `it does not start: ${holes.errors.trim().slice(-300)}`
  if (holes.output !== 'good\n') {
    const said = `${holes.output}${holes.errors}`.trim().slice(-300)
    return said === '' ? `a good program ends with status ${holes.status}` : said
  }
  return late.how === 'late' ? null : 'a sleeping program is not stopped'
}

/** Loose: a busy machine is no hole. */
const battery: Limits = { cpuSeconds: 20, wallMs: 60_000, memoryBytes: 2 ** 28, outputBytes: 2 ** 20 }

const run = (sandbox: Sandbox, program: string, limits: Limits) => {
  const process = sandbox.start([`import os\nos.write(3, b'+')\nos.close(3)\n${program}`], limits)
  process.finish()
  return process.ended
}

/** Prints `good` if a sum comes out right and nothing that must fail succeeds, else what did. */
const escapes = String.raw`
import ctypes, os, resource, socket, sys, threading

libc = ctypes.CDLL(None, use_errno=True)

def call(number, *args):
    result = libc.syscall(number, *args)
    if result < 0:
        raise OSError(ctypes.get_errno(), 'refused')

def write(path):
    with open(path, 'w') as file:
        file.write('x')

def many_threads():
    for _ in range(200):
        threading.Thread(target=threading.Event().wait, daemon=True).start()

def readable(path):
    open(path).read(1)

x64 = os.uname().machine == 'x86_64'
attempts = {
    'it opens sockets': lambda: socket.socket(),
    'it opens unix sockets': lambda: socket.socket(socket.AF_UNIX),
    'it starts processes': lambda: os.fork(),
    'it starts programs': lambda: os.posix_spawn(sys.executable, ['python'], {}),
    'it writes to the disk': lambda: write('/x'),
    'it writes to /tmp': lambda: write('/tmp/x'),
    'it writes to its library': lambda: write(os.__file__),
    'it reads /etc/passwd': lambda: readable('/etc/passwd'),
    'it reads /proc': lambda: os.listdir('/proc'),
    'it reads other folders': lambda: os.listdir('/var'),
    'it traces processes': lambda: call(101 if x64 else 117, 0, 0, 0, 0),
    'it makes namespaces': lambda: call(272 if x64 else 97, 0x10000000),
    'it mounts': lambda: call(165 if x64 else 40, b'none', b'/', b'tmpfs', 0, None),
    'it loads BPF': lambda: call(321 if x64 else 280, 0, None, 0),
    'it keeps keys': lambda: call(250 if x64 else 219, 0, -3, 1),
    'it takes memory beside the limit': lambda: call(319 if x64 else 279, b'x', 0),
    'it becomes root': lambda: os.setuid(0),
    'it takes more memory than allowed': lambda: bytearray(2**40),
    'it lifts its limits': lambda: resource.setrlimit(resource.RLIMIT_AS, (-1, -1)),
    'it starts many threads': many_threads,
}

open_holes = []
for name, attempt in attempts.items():
    try:
        attempt()
        open_holes.append(name)
    except BaseException:
        pass
if set(os.environ) - {'LANG', 'PYTHONHASHSEED', 'PYTHONDONTWRITEBYTECODE', 'PWD', 'LC_CTYPE'}:
    open_holes.append('it sees the environment')
if os.getuid() == 0 and not open_holes:
    open_holes.append('it runs as root')
print('; '.join(open_holes) or ('good' if sum(range(10)) == 45 else 'sums are wrong'), flush=True)
os._exit(0)
`
