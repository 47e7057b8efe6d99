import type { Manifest } from '../store/manifest.ts'

const roles = { role_tag: 'role', content_tag: 'content', user_tag: 'user', assistant_tag: 'assistant', system_tag: 'system' } // prettier-ignore
const text = (columns: Readonly<Record<string, string>>) => ({ formatting: 'alpaca', columns })
const pairs = {
  ...text({ prompt: 'prompt_with_bos', chosen: 'chosen', rejected: 'rejected' }),
  ranking: true,
}

/** How LLaMA-Factory reads each config. Its `openai` format would put a system line of its own before messages, so they
 *  are sharegpt; texts are rendered already and want `template: empty`. */
export const llamaFactoryFormats: Readonly<Record<string, object>> = {
  sft_text: text({ prompt: 'prompt_with_bos', response: 'completion' }),
  sft: { formatting: 'sharegpt', columns: { messages: 'messages' }, tags: roles },
  dpo_pivotal: pairs,
  dpo_branch_text: pairs,
  dpo_branch: {
    formatting: 'sharegpt',
    ranking: true,
    columns: { messages: 'prompt', chosen: 'chosen_message', rejected: 'rejected_message' },
    tags: roles,
  },
  kto: text({ prompt: 'prompt_with_bos', response: 'completion', kto_tag: 'label' }),
}

/** dataset_info.json of a dataset folder: the configs that LLaMA-Factory can train, each a folder of Parquet. */
export function datasetInfo({ configs }: Pick<Manifest, 'configs'>): string {
  const known = Object.keys(configs).flatMap((name) => {
    const format = llamaFactoryFormats[name]
    return format === undefined ? [] : [[name, { file_name: `data/${name}`, ...format }] as const]
  })
  return `${JSON.stringify(Object.fromEntries(known), null, 2)}\n`
}
