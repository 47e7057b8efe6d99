import type { Usage } from './model.ts'

export const noUsage: Usage = { promptTokens: 0, cachedTokens: 0, completionTokens: 0, reasoningTokens: 0 }

/** Tokens of two requests together, of a batch if both are. */
export const addUsage = (a: Usage, b: Usage): Usage => ({
  ...(a.batched === true && b.batched === true && { batched: true }),
  promptTokens: a.promptTokens + b.promptTokens,
  cachedTokens: a.cachedTokens + b.cachedTokens,
  completionTokens: a.completionTokens + b.completionTokens,
  reasoningTokens: a.reasoningTokens + b.reasoningTokens,
})

/** What the second did not have yet. */
export const subtractUsage = (a: Usage, b: Usage): Usage => ({
  promptTokens: a.promptTokens - b.promptTokens,
  cachedTokens: a.cachedTokens - b.cachedTokens,
  completionTokens: a.completionTokens - b.completionTokens,
  reasoningTokens: a.reasoningTokens - b.reasoningTokens,
})
