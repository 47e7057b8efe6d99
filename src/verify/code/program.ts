import type { Suite } from './suite.ts'

/** Longest completion looked at and longest program taken: the second must fit one argument of a command line. */
const longest = { completion: 1_000_000, programBytes: 100_000 }

const languages = {
  python: {
    fences: new Set(['python', 'python3', 'py', 'py3']),
    opening:
      /^(?:async\s+def|def|class|import|from|for|while|if|try|with|print\(|@\w|[A-Za-z_]\w*(?:, *\w+)* = )/m,
  },
  javascript: {
    fences: new Set(['javascript', 'js', 'node', 'mjs', 'cjs']),
    opening: /^(?:async\s+function|function|class|const|let|var|export|import|for|while|if|console\.)/m,
  },
}

/** The program that a completion gives, or why there is none. Of the text after `</think>`: the last fenced block in the
 *  language that defines the entry point, else the last block in the language, else the last block that names no language.
 *  Without any fence the whole text is the program if a line of it begins like one. */
export function programOf(
  completion: string,
  { language, entry_point }: Pick<Suite, 'language' | 'entry_point'>,
): { readonly program: string; readonly reason: null } | { readonly program: null; readonly reason: string } {
  const none = (reason: string) => ({ program: null, reason }) as const
  if (completion.length > longest.completion) return none('the completion is too long')
  const thought = completion.lastIndexOf('</think>')
  if (completion.indexOf('<think>', Math.max(thought, 0)) >= 0) return none('the thinking never ends')
  const text = thought < 0 ? completion : completion.slice(thought + '</think>'.length)

  const { fences, opening } = languages[language]
  const { blocks, open } = fenced(text)
  if (open) return none('the code block never ends')
  const inLanguage = blocks.filter(({ tag }) => fences.has(tag))
  const defines = definition(entry_point)
  const chosen =
    inLanguage.findLast(({ code }) => defines?.test(code)) ??
    inLanguage.at(-1) ??
    blocks.findLast(({ tag }) => tag === '')
  if (chosen === undefined && (blocks.length > 0 || !opening.test(text))) return none('no code block')
  const program = chosen?.code ?? text
  if (program.trim() === '') return none('the code block is empty')
  if (Buffer.byteLength(program) > longest.programBytes) return none('the program is too long')
  // No language takes it, and no command line carries it.
  if (program.includes('\0')) return none('the program holds a null character')
  return { program, reason: null }
}

/** A line on which either language defines a name. */
function definition(name: string | undefined): RegExp | null {
  if (name === undefined) return null
  const word = name.replace(/[$]/g, '\\$&')
  return new RegExp(
    `^[ \\t]*(?:export[ \\t]+)?(?:default[ \\t]+)?(?:(?:async[ \\t]+)?(?:def|function\\*?)|class|const|let|var)[ \\t]+${word}\\b|^${word}[ \\t]*=`,
    'm',
  )
}

interface Block {
  /** First word after the fence, lower case; '' without. */
  readonly tag: string
  readonly code: string
}

/** Fenced blocks of Markdown, in order; a fence closes with at least as many of the same sign. */
function fenced(text: string): { readonly blocks: Block[]; readonly open: boolean } {
  const blocks: Block[] = []
  let open: { fence: string; indent: number; tag: string; lines: string[] } | null = null
  for (const line of text.split('\n')) {
    const match = /^( {0,12})(`{3,}|~{3,})[ \t]*([^\s`{]*)[^`]*$/.exec(line.replace(/\r$/, ''))
    if (open === null) {
      if (match === null) continue
      const [, indent = '', fence = '', tag = ''] = match
      open = { fence, indent: indent.length, tag: tag.toLowerCase(), lines: [] }
    } else if (match !== null && match[3] === '' && closes(match[2] ?? '', open.fence)) {
      blocks.push({ tag: open.tag, code: open.lines.join('\n') })
      open = null
    } else open.lines.push(line.replace(new RegExp(`^ {0,${open.indent}}`), ''))
  }
  return { blocks, open: open !== null }
}

const closes = (fence: string, opening: string): boolean =>
  fence[0] === opening[0] && fence.length >= opening.length
