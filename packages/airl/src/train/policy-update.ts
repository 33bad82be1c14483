import { type Adamw, accumulateGradients } from '@dawngrad/autograd';
import { type DecoderModel, type PackedBatch, tokenLogProbs } from '@dawngrad/models';
import { affine, readAll, scope, scopeAsync, type Tensor, tensorsIn } from '@dawngrad/tensor';
import { microBatches } from '../loss/micro-batches.ts';
import type { DivergenceOptions } from '../loss/policy/divergence.ts';
import type { SequenceRows } from '../loss/policy/surrogate.ts';
import type { PolicyLossName } from '../loss/policy/table.ts';
import { detached, type PolicyLoss, policyLoss } from '../loss/policy-loss.ts';
import { packTraces, predictingRows, traceLength, traceRows, trainedTokens } from '../loss/token-rows.ts';
import { type Normalisation, tokenWeights } from '../loss/token-weights.ts';
import type { TraceRecord } from '../record.ts';
import type { ObservedStep } from './health.ts';
import type { ReferencePolicy } from './reference-policy.ts';
import type { RunContext } from './run-context.ts';

/** What the policy is moved by; all but the clip and the divergence's weight may be left out. */
export interface PolicyObjective {
  /** `clipped` unless said. */
  readonly loss?: PolicyLossName;
  readonly clip: { readonly low: number; readonly high: number };
  /** Upper bound of the ratio where the advantage is negative (dual clip); absent: none. */
  readonly delta?: number;
  /** Weight of the divergence from the reference; 0 leaves the reference out. */
  readonly klBeta: number;
  /** How the divergence is estimated, and whether the loss or the reward has it; k3 in the loss unless said. */
  readonly kl?: DivergenceOptions & { readonly place: 'loss' | 'reward' };
  /** Weight of the entropy, which is subtracted from the loss; 0 unless said. */
  readonly entropyBonus?: number;
  /** Leave samples that were cut at the length limit out of the loss and of its counts; false unless said. */
  readonly maskTruncated?: boolean;
}

export interface PolicyUpdateOptions extends PolicyObjective {
  readonly lr: number;
  /** Optimiser steps on the same samples. */
  readonly updates: number;
  /** The temperature that the samples were drawn at. */
  readonly temperature: number;
  readonly normalisation: Normalisation;
  /** The length limit of completions, for the normalisation `constant`. */
  readonly maxTokens?: number;
  readonly microBatchTokens: number;
  readonly onRecorded?: RunContext['onRecorded'] | undefined;
}

export interface PolicyUpdateResult {
  /** Of the last update. */
  readonly loss: number;
  /** Mean k3 over trained tokens, nats; undefined without a reference. */
  readonly kl: number | undefined;
  /** The same by the estimates k1 (of any sign) and k2. */
  readonly k1: number | undefined;
  readonly k2: number | undefined;
  readonly entropy: number;
  /** Share of trained tokens whose ratio was clipped: at either bound, below, above. */
  readonly clipped: number;
  readonly clippedLow: number;
  readonly clippedHigh: number;
  /** Extremes of pi(new) / pi(old) over the tokens; 1 on the first update of a round. */
  readonly ratioMin: number;
  readonly ratioMax: number;
  /** Largest difference between the sampler's log-probabilities and the trainer's before the first update. */
  readonly sampledError: number;
  readonly gradientNorm: number;
  /** Over all updates. */
  readonly nonFinite: number;
  /** Each update; only the last one's loss is read. */
  readonly steps: readonly ObservedStep[];
  /** Trained tokens of the round. */
  readonly tokens: number;
}

/** A micro-batch with everything about it that stays the same over the updates of a round. */
interface Part {
  readonly batch: PackedBatch;
  readonly advantage: Tensor;
  readonly weight: Tensor;
  readonly mask: Tensor;
  readonly sampledLogp: Tensor;
  readonly refLogp: Tensor | undefined;
  readonly sequences: SequenceRows | undefined;
}

/**
 * Improves the policy on a round's records by the objective. Records carry `logp` and `advantage`.
 * On the first update the old policy is the current one, since the samples are of its own weights; for
 * further updates its log-probabilities are kept.
 */
export async function policyUpdate(
  policy: DecoderModel,
  reference: ReferencePolicy | undefined,
  optimizer: Adamw,
  sampled: readonly TraceRecord[],
  options: PolicyUpdateOptions,
): Promise<PolicyUpdateResult> {
  const { lr, klBeta, updates, temperature, normalisation, maxTokens, microBatchTokens, loss: name } = options;
  const records = options.maskTruncated ? sampled.filter(({ finish }) => finish !== 'length') : sampled;
  if (records.length === 0) return NO_UPDATE;
  const weights = new Map(tokenWeights(records, normalisation, maxTokens).map((weight, i) => [records[i], weight]));
  const objective = { ...options, klBeta: options.kl?.place === 'reward' ? 0 : klBeta };
  return scopeAsync(async () => {
    const parts = microBatches(records, traceLength, microBatchTokens).map((part): Part => {
      const batch = packTraces(policy.device, part);
      const rows = (valuesOf: (record: TraceRecord) => ArrayLike<number>): Tensor =>
        predictingRows(batch, part, (i) => valuesOf(part[i]!));
      return {
        batch,
        advantage: rows((record) => record.advantage!),
        weight: rows((record) => weights.get(record)!),
        mask: rows((record) => record.forced.map((one) => 1 - one)),
        sampledLogp: rows((record) => record.logp!),
        refLogp:
          reference && klBeta > 0
            ? scope(() => tokenLogProbs(reference.model, batch, { adapters: reference.adapters, temperature }).logp)
            : undefined,
        sequences:
          name === 'gspo' && updates > 1
            ? {
                ids: traceRows(batch),
                count: part.length,
                share: rows((record) => shareOfSequence(record)),
              }
            : undefined,
      };
    });

    let oldLogps: (Tensor | undefined)[] = parts.map(() => undefined);
    let first: PolicyLoss[] = [];
    let last: PolicyLoss[] = [];
    const stats: Tensor[] = [];
    for (let update = 0; update < updates; update++) {
      const results = parts.map((part, i) => {
        const result = accumulateGradients([policy.trainableParameters()], () => {
          const { logp, entropy } = tokenLogProbs(policy, part.batch, { temperature });
          const loss = policyLoss({ ...part, logp, entropy, oldLogp: oldLogps[i] }, objective);
          return { ...loss, logp: oldLogps[i] === undefined && updates > 1 ? detached(logp) : undefined };
        });
        options.onRecorded?.('micro-batch');
        return result;
      });
      optimizer.step(lr);
      // The optimiser's own tensor is overwritten by the next step.
      stats.push(affine(optimizer.stats, 1, 0));
      if (update === 0) {
        first = results.map(({ logp, ...scalars }) => scalars);
        oldLogps = results.map(({ logp }) => logp);
      }
      last = results.map(({ logp, ...scalars }) => scalars);
    }

    const tensors = [...new Set(tensorsIn([first, last, stats]))];
    const values = await readAll(tensors);
    const numbersOf = (tensor: Tensor): ArrayLike<number> => values[tensors.indexOf(tensor)]!;
    const total = (found: readonly Tensor[]): number => found.reduce((sum, tensor) => sum + numbersOf(tensor)[0]!, 0);
    const tokens = records.reduce((total, record) => total + trainedTokens(record), 0);
    const perToken = (found: readonly (Tensor | undefined)[]): number =>
      total(found.flatMap((one) => one ?? [])) / tokens;
    const extremes = (found: readonly (Tensor | undefined)[]): number[] =>
      found.map((one) => (one === undefined ? 1 : Math.exp(numbersOf(one)[0]!)));
    const hasReference = parts[0]?.refLogp !== undefined;
    const loss = total(last.map(({ loss }) => loss));
    const steps = stats.map((tensor, i): ObservedStep => {
      const [gradientNorm, nonFinite] = [numbersOf(tensor)[0]!, numbersOf(tensor)[1]!];
      return { gradientNorm, nonFinite, ...(i === stats.length - 1 ? { loss } : {}) };
    });
    const [clippedLow, clippedHigh] = [
      perToken(last.map(({ clippedLow }) => clippedLow)),
      perToken(last.map(({ clippedHigh }) => clippedHigh)),
    ];
    return {
      loss,
      kl: hasReference ? perToken(last.map(({ kl }) => kl)) : undefined,
      k1: hasReference ? perToken(last.map(({ k1 }) => k1)) : undefined,
      k2: hasReference ? perToken(last.map(({ k2 }) => k2)) : undefined,
      entropy: perToken(last.map(({ entropy }) => entropy)),
      clipped: clippedLow + clippedHigh,
      clippedLow,
      clippedHigh,
      ratioMin: Math.min(...extremes(last.map(({ logRatioMin }) => logRatioMin))),
      ratioMax: Math.max(...extremes(last.map(({ logRatioMax }) => logRatioMax))),
      sampledError: Math.max(...first.map(({ sampledError }) => numbersOf(sampledError)[0]!)),
      gradientNorm: steps.at(-1)!.gradientNorm,
      nonFinite: steps.reduce((sum, { nonFinite }) => sum + nonFinite, 0),
      steps,
      tokens,
    };
  });
}

/** What a round without a trained sample says: nothing was moved. */
const NO_UPDATE: PolicyUpdateResult = {
  loss: 0,
  kl: undefined,
  k1: undefined,
  k2: undefined,
  entropy: 0,
  clipped: 0,
  clippedLow: 0,
  clippedHigh: 0,
  ratioMin: 1,
  ratioMax: 1,
  sampledError: 0,
  gradientNorm: 0,
  nonFinite: 0,
  steps: [],
  tokens: 0,
};

/** 1 / (trained tokens of the record) at each of them, so that they sum to the mean over the sequence. */
function shareOfSequence(record: TraceRecord): number[] {
  const count = trainedTokens(record);
  return Array.from(record.forced, (one) => (one ? 0 : 1 / count));
}
