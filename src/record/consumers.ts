/** Trainers whose readers were read or run: what of a config they take, and how. */
export type Trainer = 'trl' | 'axolotl' | 'llama-factory' | 'verl' | 'open-instruct'

/** How one trainer reads one config. */
export interface Use {
  /** Columns it is to see, by the name it wants; others may break it (axolotl) or mean something else to it (TRL). */
  readonly columns: Readonly<Record<string, string>>
  /** Where to load it, and with which settings. */
  readonly how: string
}

const same = (...names: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(names.map((name) => [name, name]))
const withBos = { prompt: 'prompt_with_bos' }
const rendered = '`template: empty`: the prompt is rendered already'

/** Which trainer reads which config unchanged. */
export const uses: Readonly<Record<string, Partial<Readonly<Record<Trainer, Use>>>>> = {
  sft_text: {
    trl: { columns: same('prompt', 'completion'), how: 'SFTTrainer; it adds no second end token' },
    axolotl: {
      columns: same('prompt', 'completion'),
      how: '`type: {field_instruction: prompt, field_output: completion, format: "{instruction}", no_input_format: "{instruction}"}`',
    },
    'llama-factory': { columns: { ...withBos, ...same('completion') }, how: `\`stage: sft\`, ${rendered}` },
  },
  sft: {
    trl: { columns: same('messages'), how: 'SFTTrainer' },
    axolotl: { columns: same('messages'), how: '`type: chat_template`, `field_messages: messages`' },
    'llama-factory': { columns: same('messages'), how: "`stage: sft`, `template:` the model's own" },
    'open-instruct': { columns: same('messages'), how: 'finetune.py' },
  },
  dpo_pivotal: {
    'llama-factory': {
      columns: { ...withBos, ...same('chosen', 'rejected') },
      how: `\`stage: dpo\`, ${rendered} and nothing is added`,
    },
  },
  dpo_branch_text: {
    trl: { columns: same('prompt', 'chosen', 'rejected'), how: 'DPOTrainer; it adds no second end token' },
    axolotl: { columns: same('prompt', 'chosen', 'rejected'), how: '`rl: dpo`, `type: passthrough`' },
    'llama-factory': {
      columns: { ...withBos, ...same('chosen', 'rejected') },
      how: `\`stage: dpo\`, ${rendered}`,
    },
  },
  dpo_branch: {
    trl: { columns: same('prompt', 'chosen', 'rejected'), how: 'DPOTrainer' },
    axolotl: {
      columns: { messages: 'prompt', chosen: 'chosen_message', rejected: 'rejected_message' },
      how: '`rl: dpo`, `type: chat_template.default`, `field_messages: messages`',
    },
    'llama-factory': {
      columns: same('prompt', 'chosen_message', 'rejected_message'),
      how: "`stage: dpo`, `template:` the model's own",
    },
  },
  dpo_full: {
    trl: { columns: same('chosen', 'rejected'), how: 'DPOTrainer; it finds the prompt itself' },
    'open-instruct': { columns: same('chosen', 'rejected'), how: 'dpo_tune_cache.py' },
  },
  grpo: {
    trl: {
      columns: same('prompt', 'problem', 'solution', 'answer', 'question_id', 'verification_info'),
      how: 'GRPOTrainer; reward functions get solution and answer',
    },
    verl: {
      columns: same('data_source', 'prompt', 'ability', 'reward_model', 'extra_info'),
      how: '`data.train_files`; data_source chooses the reward function',
    },
  },
  kto: {
    trl: { columns: same('prompt', 'completion', 'label'), how: 'KTOTrainer' },
    'llama-factory': {
      columns: { ...withBos, ...same('completion', 'label') },
      how: `\`stage: kto\`, ${rendered}`,
    },
  },
  prm: { trl: { columns: same('prompt', 'completions', 'labels'), how: 'PRMTrainer' } },
  rlvr_tulu: {
    'open-instruct': {
      columns: same('messages', 'ground_truth', 'dataset'),
      how: 'grpo_fast.py; dataset chooses the verifier',
    },
  },
}

const appendsEnd =
  'it puts an end token behind each side, which teaches the model to stop after the pivotal token; take dpo_branch_text'

/** Which trainer loads a config and trains something else than it says, with the reason. */
export const unsafe: Readonly<Record<string, Partial<Readonly<Record<Trainer, string>>>>> = {
  dpo_pivotal: { trl: appendsEnd, axolotl: appendsEnd },
}

/** Configs that Fulcrum's own trainers read, and by which command. */
export const ownTrainers: Readonly<Record<string, string>> = {
  sft_text: 'fulcrum train sft',
  sft: 'fulcrum train sft',
  dpo_pivotal: 'fulcrum train dpo',
  dpo_branch_text: 'fulcrum train dpo',
  dpo_full: 'fulcrum train dpo',
  grpo: 'fulcrum train grpo',
}
