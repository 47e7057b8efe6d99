import { arch, endianness } from 'node:os'

/** A filter of system calls as the bytes that `bwrap --seccomp` reads: classic BPF, 8 bytes an instruction. It runs on top of
 *  all other layers: what it refuses is refused to whoever finds a hole in them. Null on a processor whose numbers are not
 *  listed below. */
export function seccompFilter(processor: string = arch()): Buffer | null {
  const machine = machines[processor]
  if (machine === undefined || endianness() !== 'LE') return null
  return assemble([
    load(offset.arch),
    // Another instruction set (32-bit calls on a 64-bit kernel) has other numbers: the process ends.
    jumpIfEqual(machine.audit, 1, 0),
    answer(kill),
    load(offset.number),
    ...(processor === 'x64' ? [jumpIfAtLeast(x32, 0, 1), answer(kill)] : []),
    // glibc falls back to clone, whose flags can be read.
    jumpIfEqual(machine.clone3, 0, 1),
    answer(errno.ENOSYS),
    ...machine.refused.flatMap((number) => [jumpIfEqual(number, 0, 1), answer(errno.EPERM)]),
    // Threads yes, processes no: nothing outlives the program, and one limit of memory is the limit of all.
    jumpIfEqual(machine.clone, 0, 5),
    load(offset.argument(0)),
    jumpIfAny(cloneNewNamespaces, 0, 1),
    answer(errno.EPERM),
    jumpIfAny(cloneThread, 1, 0),
    answer(errno.EPERM),
    load(offset.number),
    // Typing into the terminal.
    jumpIfEqual(machine.ioctl, 0, 4),
    load(offset.argument(1)),
    jumpIfEqual(ioctlTypes.TIOCSTI, 1, 0),
    jumpIfEqual(ioctlTypes.TIOCLINUX, 0, 1),
    answer(errno.EPERM),
    answer(allow),
  ])
}

interface Machine {
  /** AUDIT_ARCH_* of linux/audit.h. */
  readonly audit: number
  readonly clone: number
  readonly clone3: number
  readonly ioctl: number
  readonly refused: readonly number[]
}

/** From 424 on, numbers are the same everywhere: io_uring (425-427), mounts (428-433), pidfd_open, pidfd_getfd,
 *  process_madvise, mount_setattr, quotactl_fd, memfd_secret, process_mrelease, set_mempolicy_home_node. */
const refusedEverywhere = [
  425, 426, 427, 428, 429, 430, 431, 432, 433, 434, 438, 440, 442, 443, 447, 448, 450,
]

/** Refused are: sockets but for a pair of one's own; new processes; tracing and reading other processes; mounts, roots and
 *  namespaces; keys; kernel modules, BPF, perf, userfaultfd; memory that no limit of the process counts (System V and POSIX
 *  queues and segments, memfd); clocks; file handles; watching files. asm/unistd_64.h, asm-generic/unistd.h. */
const machines: Readonly<Record<string, Machine>> = {
  x64: {
    audit: 0xc000003e,
    clone: 56,
    clone3: 435,
    ioctl: 16,
    refused: [
      29,
      30,
      31,
      41,
      42,
      43,
      49,
      50,
      57,
      58,
      64,
      65,
      66,
      67,
      68,
      69,
      70,
      71,
      101,
      103,
      134,
      135,
      136,
      139,
      154,
      155,
      156,
      159,
      161,
      163,
      164,
      165,
      166,
      167,
      168,
      169,
      170,
      171,
      172,
      173,
      174,
      175,
      176,
      177,
      178,
      179,
      180,
      212,
      220,
      227,
      237,
      238,
      240,
      246,
      248,
      249,
      250,
      251,
      253,
      256,
      272,
      278,
      279,
      288,
      294,
      298,
      300,
      303,
      304,
      305,
      308,
      310,
      311,
      312,
      313,
      319,
      320,
      321,
      322,
      323,
      ...refusedEverywhere,
    ],
  },
  arm64: {
    audit: 0xc00000b7,
    clone: 220,
    clone3: 435,
    ioctl: 29,
    refused: [
      18,
      26,
      30,
      39,
      40,
      41,
      42,
      51,
      60,
      75,
      89,
      92,
      97,
      104,
      105,
      106,
      112,
      116,
      117,
      142,
      161,
      162,
      170,
      171,
      180,
      186,
      187,
      188,
      189,
      190,
      191,
      192,
      193,
      194,
      195,
      196,
      198,
      200,
      201,
      202,
      203,
      217,
      218,
      219,
      224,
      225,
      235,
      237,
      238,
      239,
      241,
      242,
      262,
      264,
      265,
      266,
      268,
      270,
      271,
      272,
      273,
      279,
      280,
      281,
      282,
      294,
      ...refusedEverywhere,
    ],
  },
}

/** CLONE_THREAD, and CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET} with CLONE_NEWTIME left out, which shares a bit with signals. */
const cloneThread = 0x00010000
const cloneNewNamespaces = 0x7e020000
const ioctlTypes = { TIOCSTI: 0x5412, TIOCLINUX: 0x541c }
/** Calls of the x32 instruction set carry this bit. */
const x32 = 0x40000000

/** struct seccomp_data; of a 64-bit argument the low half, little-endian. */
const offset = { number: 0, arch: 4, argument: (i: number): number => 16 + 8 * i }
const kill = 0x80000000
const allow = 0x7fff0000
/** SECCOMP_RET_ERRNO with the number that the call gives back. */
const errno = { EPERM: 0x00050000 + 1, ENOSYS: 0x00050000 + 38 }

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, constant: number]

const load = (at: number): Instruction => [0x20, 0, 0, at]
const answer = (value: number): Instruction => [0x06, 0, 0, value]
const jumpIfEqual = (value: number, yes: number, no: number): Instruction => [0x15, yes, no, value]
const jumpIfAtLeast = (value: number, yes: number, no: number): Instruction => [0x35, yes, no, value]
const jumpIfAny = (bits: number, yes: number, no: number): Instruction => [0x45, yes, no, bits]

function assemble(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(8 * program.length)
  program.forEach(([code, ifTrue, ifFalse, constant], i) => {
    bytes.writeUInt16LE(code, 8 * i)
    bytes.writeUInt8(ifTrue, 8 * i + 2)
    bytes.writeUInt8(ifFalse, 8 * i + 3)
    bytes.writeUInt32LE(constant, 8 * i + 4)
  })
  return bytes
}
