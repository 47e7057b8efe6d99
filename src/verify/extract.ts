/** Longest completion looked at, and longest answer taken, characters: a hostile text costs no more than this. */
const longest = { completion: 1_000_000, answer: 500 }

/** The final answer a completion states, or null. The text after a `</think>` counts; in it the last `\boxed{...}`
 *  (nested braces), else the last `#### x`, else the last "the answer is x". */
export function extractAnswer(completion: string): string | null {
  if (completion.length > longest.completion) return null
  const thought = completion.lastIndexOf('</think>')
  const text = thought < 0 ? completion : completion.slice(thought + '</think>'.length)
  const found = lastBoxed(text) ?? lastMarked(text) ?? lastStated(text)
  return found === null || found.length > longest.answer ? null : found
}

function lastBoxed(text: string): string | null {
  const at = Math.max(text.lastIndexOf('\\boxed{'), text.lastIndexOf('\\fbox{'))
  if (at < 0) return null
  const start = text.indexOf('{', at) + 1
  let depth = 1
  for (let i = start; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === '{') depth++
    else if (text[i] === '}' && --depth === 0) return text.slice(start, i).trim()
  }
  return null
}

function lastMarked(text: string): string | null {
  const at = text.lastIndexOf('####')
  if (at < 0) return null
  const answer =
    text
      .slice(at + 4)
      .split('\n')[0]
      ?.trim() ?? ''
  return answer === '' ? null : answer
}

function lastStated(text: string): string | null {
  const at = text.toLowerCase().lastIndexOf('answer is')
  if (at < 0) return null
  const sentence = (text.slice(at + 'answer is'.length).split('\n')[0] ?? '').replace(/^[\s:*]+/, '')
  const end = /[.!?](\s|$)/.exec(sentence)
  const answer = (end === null ? sentence : sentence.slice(0, end.index)).replace(/[\s*]+$/, '')
  return answer === '' ? null : answer
}
