import type { Scalar } from '@tensorflow/tfjs'
import type { Backend } from '../nn/backend.ts'
import type { DecoderConfig } from '../nn/config.ts'
import type { Parameters } from '../nn/network.ts'

/** A decoder on a backend, as an objective sees it. */
export interface Network {
  readonly backend: Backend
  readonly config: DecoderConfig
  readonly parameters: Parameters
  /** Gradient checkpointing: keep only the layers' inputs for the backward pass. */
  readonly recompute: boolean
}

/** What a trainer minimises. Sums over the items given, so that a batch may be cut into parts, on several threads:
 *  the loop divides by the batch's weight. Differentiable; depends on nothing but its arguments. */
export type Objective<Item, Settings> = (network: Network, items: readonly Item[], settings: Settings) => Sums

export interface Sums {
  readonly loss: Scalar
  /** Summed like the loss, divided likewise, and shown in the log under its name. */
  readonly shown: Readonly<Record<string, Scalar>>
}
