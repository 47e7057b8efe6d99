import { dispatch } from '../../src/cli/dispatch.ts'

/** What a command prints, run in this process: a process of its own takes a second to start. */
export async function say(...args: string[]): Promise<string> {
  const printed: string[] = []
  const code = await dispatch(args, {
    print: (text) => printed.push(text),
    tell: () => undefined,
    live: false,
    width: 100,
    now: () => 0,
    signal: new AbortController().signal,
  })
  if (code !== 0) throw new Error(`fulcrum ${args.join(' ')} ended with ${code}`)
  return printed.join('\n')
}
