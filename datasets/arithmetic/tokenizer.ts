import { problemsOf, writeTrace } from './generate.ts'
import { rngFor } from '../../src/statistics/random.ts'

/** Ends a completion. */
const eos = '<|end|>'
/** Stands between problem and worked answer: the whole chat template. */
const solve = '<|solve|>'

/** One piece a word (with the space before it), a digit or any other sign. */
const pieces = / ?[A-Za-z]+|[0-9]| ?[^A-Za-z0-9 ]+| /g

/** tokenizer.json and tokenizer_config.json of the arithmetic domain. A BPE model without merges, where a piece
 *  that is in the vocabulary is one token (`ignore_merges`): both transformers and the JavaScript library read it. */
export function makeTokenizer(): { tokenizer: object; config: object } {
  const words = new Set<string>()
  for (const problem of problemsOf('train', 0, 3000)) {
    const corpus = { stepwise: 0.5, slips: 0 }
    const text = problem.problem + writeTrace(problem, corpus, rngFor(0, 'vocabulary', problem.id))
    for (const [piece] of text.matchAll(pieces)) words.add(piece)
  }
  const vocabulary = [eos, solve, '<|unknown|>', ...[...words].sort()]
  const special = [eos, solve, '<|unknown|>'].map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }))
  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special,
    normalizer: null,
    pre_tokenizer: { type: 'Split', pattern: { Regex: pieces.source }, behavior: 'Isolated', invert: false },
    post_processor: null,
    decoder: { type: 'Fuse' },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: '<|unknown|>',
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: true,
      vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
      merges: [],
    },
  }
  const config = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    eos_token: eos,
    pad_token: eos,
    unk_token: '<|unknown|>',
    clean_up_tokenization_spaces: false,
    model_max_length: 160,
    chat_template: `{% for message in messages %}{{ message['content'] }}{% if message['role'] == 'user' %}${solve}{% elif message['role'] == 'assistant' %}${eos}{% endif %}{% endfor %}`,
  }
  return { tokenizer, config }
}
