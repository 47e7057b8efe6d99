import { FulcrumError } from '../../errors.ts'
import type { Message, Model, Prompt } from '../../model/model.ts'

/** How a problem is put to a model. */
export interface Asking {
  readonly system?: string
  /** What the user says; `{problem}` stands for the problem, which is all of it by default. */
  readonly template?: string
  /** How the answer should look; a paragraph of its own behind the rest. */
  readonly answerFormat?: string
  /** Variables of the model's chat template, as enable_thinking; where the template is rendered here. */
  readonly variables?: Readonly<Record<string, unknown>>
  /** How every answer begins, behind the rendered template: `<think>\n` opens a block of thinking. */
  readonly opening?: string
}

/** A prompt with its text, and its ids where they are ours to see. */
export interface Asked {
  readonly prompt: Prompt
  readonly text: string
  readonly ids: readonly number[] | null
}

/** The problem as this model takes it. */
export function ask(model: Model, of: Asking, problem: string): Asked {
  const { system, template = '{problem}', answerFormat, variables, opening } = of
  const content = [
    template.replaceAll('{problem}', () => problem),
    ...(answerFormat === undefined ? [] : [answerFormat]),
  ].join('\n\n')
  const messages: Message[] = [
    ...(system === undefined ? [] : [{ role: 'system' as const, content: system }]),
    { role: 'user', content },
  ]
  return promptFor(model, messages, { variables, opening })
}

/** A chat as the engine takes it: exact ids with the template rendered once here, or messages for a hosted endpoint. */
export function promptFor(
  model: Model,
  messages: readonly Message[],
  { variables, opening = '' }: { variables?: Asking['variables']; opening?: string | undefined } = {},
): Asked {
  const { tokenizer } = model
  if (tokenizer === null || !model.capabilities.tokenIdsIn) {
    const text = messages.map(({ content }) => content).join('\n\n')
    return { prompt: { kind: 'chat', messages }, text, ids: null }
  }
  const text = tokenizer.renderChat(messages, variables) + opening
  const ids = tokenizer.encode(text)
  return { prompt: { kind: 'tokens', ids }, text, ids }
}

/** Refuses what this model cannot be asked, before anything is spent. */
export function checkAsking(stage: string, model: Model, { template, variables, opening }: Asking): void {
  const hidden = model.tokenizer === null || !model.capabilities.tokenIdsIn
  const wrong = [
    ...(template === undefined || template.includes('{problem}') ? [] : ['a template without {problem}']),
    ...(variables !== undefined && hidden ? ['variables of a chat template that its server renders'] : []),
    ...(opening !== undefined && hidden ? ['an opening where its server renders the chat'] : []),
  ]
  if (wrong.length === 0) return
  throw new FulcrumError(
    'config',
    `${stage} cannot ask ${model.id} with ${wrong.join(', ')}`,
    'Put {problem} where the problem belongs; variables and an opening need a model folder, or an endpoint that takes token ids with --tokenizer.',
  )
}

/** The part of a run's identity. */
export const askingOptions = (of: Asking): Readonly<Record<string, unknown>> => ({
  system: of.system ?? null,
  ...(of.template !== undefined && { template: of.template }),
  ...(of.answerFormat !== undefined && { answerFormat: of.answerFormat }),
  ...(of.variables !== undefined && { variables: of.variables }),
  ...(of.opening !== undefined && { opening: of.opening }),
})

/** Tokens of a prompt beyond the problem, three bytes each. */
export const longestPrefix = ({
  system = '',
  template = '',
  answerFormat = '',
  opening = '',
}: Asking): number => Math.ceil((system.length + template.length + answerFormat.length + opening.length) / 3)
