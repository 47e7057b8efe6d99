import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import type { Tokenizer } from '../../src/model/model.ts'
import { loadTokenizer } from '../../src/nn/tokenizer.ts'
import { locate } from '../../src/store/bundled.ts'

const turns = (answer: string, start = ''): string =>
  `{% for m in messages %}<|{{ m.role }}|>{% if m.role == 'assistant' %}${answer}{% else %}{{ m.content }}{% endif %}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>${start}{% endif %}`

/** Chat templates as families of models have them. */
export const templates = {
  /** Everything as it stands (ChatML). */
  plain: turns('{{ m.content }}'),
  /** Only what follows the reasoning, and a prompt that opens a block (DeepSeek-R1). */
  strips: turns("{{ m.content.split('</think>')[-1] }}", '<think>\n'),
  /** Reasoning of the last answer alone (Qwen3). */
  keepsLast: turns(
    "{% if loop.last %}{{ m.content }}{% else %}{{ m.content.split('</think>')[-1] }}{% endif %}",
  ),
  /** White space at both ends goes (Llama 3). */
  trims: turns('{{ m.content | trim }}'),
  /** No place for a system turn (Gemma). */
  refusesSystem: `{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}${turns('{{ m.content }}')}`,
}

/** The shipped student's tokenizer with another chat template, from files as a model folder has them. */
export async function tokenizerWith(template: string): Promise<Tokenizer> {
  const folder = mkdtempSync(join(tmpdir(), 'fulcrum-template-'))
  after(() => rmSync(folder, { recursive: true }))
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
    cpSync(join(locate('datasets/models/student'), name), join(folder, name))
  }
  writeFileSync(join(folder, 'chat_template.jinja'), template)
  return loadTokenizer(folder)
}
