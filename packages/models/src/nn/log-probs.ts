import { type LogProbs, linearLogProbs } from '@dawngrad/tensor';
import type { DecoderModel } from '../decoder/decoder-model.ts';
import type { PackedBatch } from './packed-batch.ts';

export interface TokenLogProbsOptions {
  /** Use the LoRA adapters, if there are any. Default true; false is the reference policy. */
  readonly adapters?: boolean;
  /** Logits are divided by it: the temperature that the tokens were sampled at. Default 1. */
  readonly temperature?: number;
}

/**
 * For each row the log-probability of the token that follows it in its sequence, and the entropy of the
 * distribution that it was drawn from. [N] each, nats. The last row of a sequence has no next token: its
 * values mean nothing and must be masked.
 */
export function tokenLogProbs(model: DecoderModel, batch: PackedBatch, options: TokenLogProbsOptions = {}): LogProbs {
  const hidden = model.hidden(batch, { adapters: options.adapters ?? true });
  return linearLogProbs(hidden, model.outputWeight(), batch.nextIds, options.temperature ?? 1);
}
