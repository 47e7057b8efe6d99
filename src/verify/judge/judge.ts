import { z } from 'zod'
import { FulcrumError } from '../../errors.ts'
import type { Model, Prompt } from '../../model/model.ts'
import { rngFor, seedFor } from '../../statistics/random.ts'
import type { Verification, Verifier } from '../verifier.ts'
import { judgePrompt, judgeVersion } from './prompt.ts'

const optionsSchema = z.strictObject({
  votes: z.int().min(1).max(50).default(2).describe('verdicts asked for in each of the two orders'),
  temperature: z.number().min(0).max(2).default(0.6).describe('of the judge; 0 with one vote'),
  maxTokens: z.int().min(8).default(2048).describe('longest reply of the judge, tokens'),
  seed: z.int().min(0).default(0).describe('of the votes'),
})

export interface JudgeOptions extends z.input<typeof optionsSchema> {
  readonly model: Model
}

/** Characters of a text shown to the judge; of a longer one the end, where answers stand. */
const longest = 8000

/** Asks a model whether a completion and the reference say the same: `votes` times with the completion first, as often with it
 *  second. More than half of all votes decide; else, and where too many replies cannot be read, unparsed. An error of
 *  the model (a spent budget, a server that is gone) is thrown: it says nothing of the completion. */
export function judgeAnswer({ model, ...plain }: JudgeOptions): Verifier {
  const parsed = optionsSchema.safeParse(plain)
  if (!parsed.success)
    throw new FulcrumError(
      'config',
      `Options of judgeAnswer: ${z.prettifyError(parsed.error)}`,
      'votes from 1, temperature from 0 to 2, maxTokens from 8.',
    )
  const { votes, temperature, maxTokens, seed } = parsed.data
  const ask = async (problem: string, first: string, second: string): Promise<readonly Vote[]> => {
    const key = ['judge', problem, first, second] as const
    const messages = [{ role: 'user' as const, content: filled(problem, first, second, seed) }]
    const sampling = { n: votes, temperature, topP: 1, topK: 0, maxTokens, seed: seedFor(seed, ...key) }
    const replies = await model.sample(promptOf(model, messages), sampling)
    return replies.map(({ text, finishReason }) => (finishReason === 'stop' ? voteOf(text) : null))
  }
  return {
    id: `judge:${model.id}/${judgeVersion}`,
    verify: async (completion, answer, problem) => {
      const { text, reason } = solutionOf(completion)
      if (text === null) return { verdict: 'unparsed', extracted: null, reason }
      if (answer.trim() === '')
        return { verdict: 'unparsed', extracted: text, reason: 'the reference is empty' }
      const both = await Promise.all([ask(problem, text, answer), ask(problem, answer, text)])
      return { ...decide(both.flat()), extracted: text }
    },
  }
}

/** What one reply says; null if it keeps not to the form. */
type Vote = 'same' | 'different' | null

/** The last line must be the verdict and no other line may look like one. */
function voteOf(reply: string): Vote {
  const thought = reply.lastIndexOf('</think>')
  const lines = reply
    .slice(thought < 0 ? 0 : thought + '</think>'.length)
    .trim()
    .split('\n')
  const verdicts = lines.filter((line) => /^\W*verdict\b/i.test(line))
  const last = /^\**VERDICT: (SAME|DIFFERENT)\**$/.exec(lines.at(-1)?.trim() ?? '')
  if (verdicts.length !== 1 || last === null) return null
  return last[1] === 'SAME' ? 'same' : 'different'
}

function decide(votes: readonly Vote[]): Omit<Verification, 'extracted'> {
  const count = (vote: Vote): number => votes.filter((each) => each === vote).length
  const [same, different, unread] = [count('same'), count('different'), count(null)]
  if (2 * same > votes.length) return { verdict: 'equal', reason: null }
  if (2 * different > votes.length) return { verdict: 'different', reason: null }
  const reason = `the judge is undecided: ${same} same, ${different} different, ${unread} not readable`
  return { verdict: 'unparsed', reason }
}

/** What comes after the thinking. */
function solutionOf(completion: string): { text: string; reason: null } | { text: null; reason: string } {
  const thought = completion.lastIndexOf('</think>')
  if (completion.indexOf('<think>', Math.max(thought, 0)) >= 0)
    return { text: null, reason: 'the thinking never ends' }
  const text = (thought < 0 ? completion : completion.slice(thought + '</think>'.length)).trim()
  return text === '' ? { text: null, reason: 'no answer is given' } : { text, reason: null }
}

/** The texts go in between marks that depend on them and on the seed: none can close its own. */
function filled(problem: string, first: string, second: string, seed: number): string {
  const random = rngFor(seed, 'judge-tag', problem, first, second)
  const tag = `text-${random
    .below(2 ** 48)
    .toString(16)
    .padStart(12, '0')}`
  const parts: Readonly<Record<string, string>> = {
    tag,
    problem: end(problem),
    first: end(first),
    second: end(second),
  }
  return judgePrompt.replace(/\{(tag|problem|first|second)\}/g, (_, name: string) => parts[name] ?? '')
}

const end = (text: string): string => (text.length > longest ? `[...]${text.slice(-longest)}` : text)

/** Exact ids where the template is rendered here, else a chat. */
function promptOf({ tokenizer, capabilities }: Model, messages: { role: 'user'; content: string }[]): Prompt {
  if (tokenizer === null || !capabilities.tokenIdsIn) return { kind: 'chat', messages }
  return { kind: 'tokens', ids: tokenizer.encode(tokenizer.renderChat(messages)) }
}
