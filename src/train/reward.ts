/** Lengths of the reward, tokens of the response. */
export interface RewardLengths {
  /** A correct response costs nothing up to here (L_pos). */
  readonly free: number
  /** A correct response of this length or more earns least (L_max): the longest that can be sampled. */
  readonly most: number
  /** A wrong response of this length or more loses least (L_neg). */
  readonly wrong: number
}

/** L_pos, L_max and L_neg of Phi-4-reasoning-plus. */
export const publishedLengths: RewardLengths = { free: 25_600, most: 31_744, wrong: 3_702 }

/** The published lengths in proportion to another longest response. Not from the paper; at 31,744 tokens they are the
 *  paper's own. */
export function scaledLengths(most: number): RewardLengths {
  const scaled = (length: number): number => Math.max(1, Math.round((length * most) / publishedLengths.most))
  return { free: scaled(publishedLengths.free), most, wrong: scaled(publishedLengths.wrong) }
}

/** What a reward looks at. */
export interface Response {
  /** Text without the end token; the opening `<think>` stands here even when the prompt wrote it. */
  readonly text: string
  /** Tokens generated, the end token included. */
  readonly length: number
  /** It ended by itself. */
  readonly ended: boolean
  readonly correct: boolean
}

export interface Reward {
  /** 8/13 accuracy + 1/13 repetition: at most 0.615. */
  readonly reward: number
  /** R_acc, in [-1, 1]. */
  readonly accuracy: number
  /** R_rep, in [-1, 0]. */
  readonly repetition: number
}

/** The length-aware reward of Phi-4-reasoning-plus (arXiv:2504.21318, section 4.1). Precedence of the two overrides is
 *  not published; here a broken thinking block goes before a missing end. Neither is what a valid block is: see
 *  {@link thinksWell}. */
export function rewardOf(response: Response, lengths: RewardLengths, requireThinking: boolean): Reward {
  const accuracy = accuracyReward(response, lengths, requireThinking)
  const repetition = repetitionReward(response.text)
  return { reward: (8 * accuracy + repetition) / 13, accuracy, repetition }
}

/** R_acc: a cosine from 1 down to 0.5 for a correct response that grows too long, from -1 up to -0.5 for a wrong one
 *  that grows; -1 with a broken thinking block, -0.5 without an end. */
export function accuracyReward(
  { text, length, ended, correct }: Response,
  { free, most, wrong }: RewardLengths,
  requireThinking: boolean,
): number {
  if (!thinksWell(text, requireThinking)) return -1
  if (!ended) return -0.5
  if (correct) {
    // Where free is most there is no slope: every length in reach is free.
    const over = most > free ? Math.min(1, Math.max(length - free, 0) / (most - free)) : 0
    return 0.5 + 0.25 * (1 + Math.cos(Math.PI * over))
  }
  return -0.5 - 0.25 * (1 + Math.cos(Math.PI * Math.min(1, length / wrong)))
}

/** One `<think>` and after it one `</think>`; none at all is fine where thinking is not required. Not from the paper. */
export function thinksWell(text: string, required: boolean): boolean {
  const [opened, closed] = [text.split('<think>').length - 1, text.split('</think>').length - 1]
  if (opened === 0 && closed === 0) return !required
  return opened === 1 && closed === 1 && text.indexOf('<think>') < text.indexOf('</think>')
}

/** Words of a repeated run, and how often it may be there. */
const [run, often] = [5, 5]

/** R_rep: minus the larger of the share of distinct 5-grams of words that are there more than 5 times, and the highest
 *  count over a fifth of the words; 0 if none is there more than 5 times, never under -1. Words are what white space
 *  separates: the paper does not say. */
export function repetitionReward(text: string): number {
  const words = text.split(/\s+/).filter((word) => word !== '')
  const counts = new Map<string, number>()
  for (let at = 0; at + run <= words.length; at++) {
    const key = words.slice(at, at + run).join(' ')
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  const repeated = [...counts.values()].filter((count) => count > often)
  if (repeated.length === 0) return 0
  const highest = repeated.reduce((a, b) => Math.max(a, b))
  return -Math.min(1, Math.max(repeated.length / counts.size, highest / (words.length / run)))
}
