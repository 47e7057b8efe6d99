import { z } from 'zod'
import { FulcrumError } from '../errors.ts'
import { findFolders, loadAdapted } from '../nn/adapted.ts'
import { loadCheckpoint } from '../nn/checkpoint.ts'
import { exportGguf, exportGgufAdapter } from '../nn/gguf-model.ts'
import { loadAdapter } from '../nn/lora.ts'
import { locate } from '../store/bundled.ts'
import { command } from './command.ts'

/** Writes a model for other engines. */
export default command({
  name: 'export-model',
  summary: 'Write a model folder, or its adapter, as a GGUF file for llama.cpp',
  positionals: [],
  options: z.object({
    model: z.string().describe('model folder, MODEL#ADAPTER, or the folder of a PEFT adapter'),
    to: z
      .enum(['gguf', 'gguf-lora'])
      .default('gguf')
      .describe('gguf: the whole model, an adapter merged into it; gguf-lora: the adapter alone'),
    out: z.string().describe('file to write'),
  }),
  example: 'fulcrum export-model --model datasets/models/student --to gguf --out student.gguf',
  run: async ({ options: { model, to, out } }, { print }) => {
    const { folder, adapter } = await findFolders(model)
    const folders = { folder: locate(folder), adapter }
    if (to === 'gguf') {
      const text = await exportGguf(out, await loadAdapted(folders))
      print(`${out}: float32, tokens and probabilities as in ${model}`)
      print(
        text === 'same'
          ? "llama.cpp's own tokenizer cuts text as the model's does"
          : "llama.cpp has no pattern of this tokenizer's: its own may cut text otherwise, so send it token ids",
      )
      return 0
    }
    if (adapter === undefined) {
      throw new FulcrumError('config', `${model} has no adapter`, 'Write MODEL_FOLDER#ADAPTER_FOLDER.')
    }
    const { config } = await loadCheckpoint(folders.folder)
    await exportGgufAdapter(out, config, await loadAdapter(adapter, config))
    print(`${out}: float32 LoRA for a GGUF of ${folder}`)
    return 0
  },
})
