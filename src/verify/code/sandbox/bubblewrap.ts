import { existsSync } from 'node:fs'
import { userInfo } from 'node:os'
import { dirname } from 'node:path'
import { FulcrumError } from '../../../errors.ts'
import { findTool, type Interpreter } from './interpreter.ts'
import type { Limits } from './limits.ts'
import type { Command } from './process.ts'
import { seccompFilter } from './seccomp.ts'

/** The command that runs Python behind all walls: namespaces without network, a file system of read-only parts of the
 *  interpreter, another user without rights, limits, and a filter of system calls. Throws if a part is missing here. */
export function bubblewrapCommand(interpreter: Interpreter, limits: Limits, filterFd: number): Command {
  const tool = (name: string): string => findTool(name) ?? missing(`${name} is not installed`)
  const filter = seccompFilter() ?? missing('system calls cannot be filtered on this processor')
  const asRoot = userInfo().uid === 0
  const [setpriv, prlimit] = [tool('setpriv'), tool('prlimit')]
  return {
    file: tool('bwrap'),
    args: [
      ...['--unshare-ipc', '--unshare-pid', '--unshare-net', '--unshare-uts', '--unshare-cgroup-try'],
      ...(asRoot ? rootKeeps : ['--unshare-user', '--uid', String(nobody), '--gid', String(nobody)]),
      ...['--die-with-parent', '--new-session', '--seccomp', String(filterFd)],
      ...files([...libraries(), interpreter.python, ...interpreter.files, setpriv, prlimit]),
      ...interpreter.hidden.flatMap((path) => ['--tmpfs', path, '--remount-ro', path]),
      ...[
        '--dir',
        '/dev',
        '--dev-bind',
        '/dev/null',
        '/dev/null',
        '--dev-bind',
        '/dev/urandom',
        '/dev/urandom',
      ],
      ...['--remount-ro', '/', '--chdir', '/', '--'],
      ...[setpriv, ...(asRoot ? becomeOther() : []), '--no-new-privs', '--inh-caps', '-all', '--'],
      ...[prlimit, ...limitFlags(limits), '--', interpreter.python],
    ],
    env,
    extra: [filter],
  }
}

/** The same Python without walls but the limits, for `unsafeExec`. */
export function bareCommand(interpreter: Interpreter, limits: Limits): Command {
  const prlimit = findTool('prlimit')
  const [file, args] =
    prlimit === null ? [interpreter.python, []] : [prlimit, [...limitFlags(limits), '--', interpreter.python]]
  return { file, args, env, extra: [] }
}

function missing(what: string): never {
  throw new FulcrumError(
    'verify',
    `Programs cannot be run safely: ${what}`,
    'Install bubblewrap and util-linux (Debian: apt-get install bubblewrap util-linux), or accept that programs run as you do: --unsafe-exec.',
  )
}

/** All of it: nothing of the caller's environment gets in. Hashes are fixed, so that a program's sets have one order. */
const env = { LANG: 'C.UTF-8', PYTHONHASHSEED: '0', PYTHONDONTWRITEBYTECODE: '1' }

/** For the caller's own uid mapped to nobody's. */
const nobody = 65534
/** Run by root, bubblewrap makes no user namespace: setpriv leaves root behind, which takes these rights. */
const rootKeeps = [
  ...['--cap-drop', 'ALL', '--cap-add', 'CAP_SETUID', '--cap-add', 'CAP_SETGID', '--cap-add', 'CAP_SETPCAP'],
]

/** A user of its own for each sandbox, so that one's threads do not count for another. 1,879,048,192 and up belong to nobody. */
let users = 0
function becomeOther(): string[] {
  const id = String(0x70000000 + (users++ % 100_000))
  return ['--reuid', id, '--regid', id, '--clear-groups', '--bounding-set', '-all']
}

function limitFlags({ cpuSeconds, memoryBytes }: Limits): string[] {
  const most = {
    cpu: cpuSeconds,
    as: memoryBytes,
    fsize: 0,
    core: 0,
    nofile: 64,
    nproc: 32,
    memlock: 0,
    msgqueue: 0,
  }
  return Object.entries(most).map(([name, value]) => `--${name}=${value}:${value}`)
}

/** Where the dynamic linker looks. */
function libraries(): string[] {
  const folders = ['x86_64', 'aarch64'].flatMap((cpu) => [
    `/lib/${cpu}-linux-gnu`,
    `/usr/lib/${cpu}-linux-gnu`,
  ])
  return ['/lib64', '/usr/lib64', ...folders, '/etc/ld.so.cache'].filter((path) => existsSync(path))
}

/** Read-only at the same place, the folders above made first: bubblewrap by itself makes some that only root enters. */
function files(paths: readonly string[]): string[] {
  const made = new Set<string>()
  return [...new Set(paths)].flatMap((path) => {
    const above: string[] = []
    for (let folder = dirname(path); folder !== '/'; folder = dirname(folder)) above.unshift(folder)
    const fresh = above.filter((folder) => !made.has(folder))
    for (const folder of fresh) made.add(folder)
    return [...fresh.flatMap((folder) => ['--dir', folder]), '--ro-bind', path, path]
  })
}
