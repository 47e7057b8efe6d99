import type { Tokenizer } from '../../src/model/model.ts'
import { special } from '../fixtures/byte-tokenizer.ts'
import { markovPolicy, type Policy, vocabulary } from '../fixtures/dialect-policy.ts'
import type { Template } from '../stages/template-policy.ts'

/** All that a template can become, with its probability. */
export function fillings({ places }: Template): readonly (readonly [text: string, probability: number])[] {
  let all: readonly (readonly [string, number])[] = [['', 1]]
  for (const place of places)
    all = all.flatMap(([text, p]) => {
      const choices = typeof place === 'function' ? place(text) : place
      if (typeof choices === 'string') return [[text + choices, p] as const]
      return choices.map(([token, share]) => [text + token, p * share] as const)
    })
  return all
}

/** Log-probability of a token that no filling goes on with: a model rules nothing out. */
const never = -60

/** The policy that fills templates, byte by byte: behind a template's problem it writes what that can become; behind another
 *  prompt, something. */
export function byBytes(tokenizer: Tokenizer, templates: readonly Template[]): Policy {
  const other = markovPolicy('no template')
  const answers = new Map(
    templates.map((template) => [
      template.problem,
      fillings(template).map(([text, p]) => ({ ids: [...tokenizer.encode(text), special.end], p })),
    ]),
  )
  return (ids) => {
    const start = ids.lastIndexOf(special.assistant) + 1
    const problem = tokenizer.decode(ids.slice(ids.lastIndexOf(special.user) + 1, Math.max(0, start - 1)))
    const written = ids.slice(start)
    const open = (answers.get(problem) ?? []).filter(({ ids: whole }) =>
      written.every((id, i) => whole[i] === id),
    )
    if (open.length === 0) return other(ids)
    const whole = open.reduce((sum, { p }) => sum + p, 0)
    const masses = new Map<number, number>()
    for (const { ids: filling, p } of open) {
      const next = filling[written.length] ?? special.end
      masses.set(next, (masses.get(next) ?? 0) + p / whole)
    }
    return Array.from({ length: vocabulary }, (_, id) => {
      const mass = masses.get(id)
      return mass === undefined ? never : Math.log(mass)
    })
  }
}
