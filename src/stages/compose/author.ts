import { z } from 'zod'
import { openModel } from '../../model/open.ts'
import type { Author } from './ask-model.ts'

/** Options of every pipeline that asks one model with prompt files. */
export const authorOptions = z.object({
  model: z
    .string()
    .describe('who is asked: a model folder, or http://host:port/v1#name of an OpenAI-compatible server'),
  tokenizer: z.string().optional().describe('model folder with the tokenizer of a model behind HTTP'),
  temperature: z.number().min(0).default(0.7).describe('temperature of its answers'),
  topP: z.number().gt(0).max(1).default(0.95).describe('nucleus share of its answers; 1 is off'),
  maxTokens: z.int().min(1).default(4096).describe('longest answer, tokens'),
  tries: z.int().min(1).default(3).describe('samples taken at most until an answer can be read'),
})

/** The model of the options with its sampler. */
export async function openAuthor(
  options: z.output<typeof authorOptions>,
  apiKey: string | undefined,
): Promise<Author> {
  const { model, tokenizer, temperature, topP, maxTokens, tries } = options
  return {
    model: await openModel(model, { apiKey, tokenizer }),
    temperature,
    topP,
    topK: 0,
    maxTokens,
    tries,
  }
}
