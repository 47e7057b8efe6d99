import { type DialectName, dialectNames } from '../model/http/dialect.ts'
import { tryEndpoint } from '../model/http.ts'
import { gradeOf } from '../model/model.ts'
import { endpointOptions } from '../model/open.ts'
import type { ExitCode, Terminal } from './command.ts'
import { table } from './table.ts'

/** What `doctor --endpoint` may be told of how a server is asked. */
export const dialectChoices = ['auto', ...dialectNames] as const

interface EndpointQuestion {
  readonly endpoint: string
  readonly tokenizer: string | undefined
  readonly dialect: DialectName | 'auto'
  readonly json: boolean
}

/** Tries a server with a dozen tiny requests and prints what it really does, and the grade that a run with it has. */
export async function diagnoseEndpoint(
  { endpoint, tokenizer, dialect, json }: EndpointQuestion,
  { print, tell }: Terminal,
): Promise<ExitCode> {
  tell(`trying ${endpoint}\n`)
  const apiKey = process.env.OPENAI_API_KEY
  const { model, ...found } = await tryEndpoint(
    await endpointOptions(endpoint, { tokenizer, apiKey, dialect }),
  )
  await model.close()
  const { grade, lacks } = gradeOf(model)
  if (json) {
    print(JSON.stringify({ endpoint, ...found, grade, lacks, capabilities: model.capabilities }, null, 2))
    return 0
  }
  print(`${model.id}, asked as ${found.dialect}\n`)
  const word = (ok: boolean | null): string => (ok === null ? '?' : ok ? 'yes' : 'no')
  print(table(found.checks.map(({ what, ok, detail }) => [what, word(ok), detail])))
  const why =
    lacks.length === 0 ? 'token ids both ways, and scores of given tokens' : `it lacks ${lacks.join(', ')}`
  print(`\nGrade: ${grade} (${why})`)
  return 0
}
