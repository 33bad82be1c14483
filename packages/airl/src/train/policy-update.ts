import { type Adamw, accumulateGradients } from '@dawngrad/autograd';
import { type DecoderModel, type PackedBatch, tokenLogProbs } from '@dawngrad/models';
import { affine, readAll, scope, scopeAsync, type Tensor, tensorsIn } from '@dawngrad/tensor';
import { microBatches } from '../loss/micro-batches.ts';
import { detached, type PolicyLoss, policyLoss } from '../loss/policy-loss.ts';
import { packTraces, predictingRows, traceLength, trainedTokens } from '../loss/token-rows.ts';
import { type Normalisation, tokenWeights } from '../loss/token-weights.ts';
import type { TraceRecord } from '../record.ts';
import type { ReferencePolicy } from './reference-policy.ts';

export interface PolicyUpdateOptions {
  readonly lr: number;
  readonly clip: { readonly low: number; readonly high: number };
  /** Weight of the divergence from the reference; 0 leaves the reference out. */
  readonly klBeta: number;
  /** Optimiser steps on the same samples. */
  readonly updates: number;
  /** The temperature that the samples were drawn at. */
  readonly temperature: number;
  readonly normalisation: Normalisation;
  readonly microBatchTokens: number;
}

export interface PolicyUpdateResult {
  /** Of the last update. */
  readonly loss: number;
  /** Mean k3 over trained tokens, nats; undefined without a reference. */
  readonly kl: number | undefined;
  readonly entropy: number;
  /** Share of trained tokens whose ratio was clipped. */
  readonly clipped: number;
  /** Largest difference between the sampler's log-probabilities and the trainer's before the first update. */
  readonly sampledError: number;
  readonly gradientNorm: number;
  /** Over all updates. */
  readonly nonFinite: number;
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
}

/**
 * Improves the policy on a round's records by the clipped objective. Records carry `logp` and `advantage`.
 * On the first update the old policy is the current one, since the samples are of its own weights; for
 * further updates its log-probabilities are kept.
 */
export async function policyUpdate(
  policy: DecoderModel,
  reference: ReferencePolicy | undefined,
  optimizer: Adamw,
  records: readonly TraceRecord[],
  options: PolicyUpdateOptions,
): Promise<PolicyUpdateResult> {
  const { lr, clip, klBeta, updates, temperature, normalisation, microBatchTokens } = options;
  const weights = new Map(tokenWeights(records, normalisation).map((weight, i) => [records[i], weight]));
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
      };
    });

    let oldLogps: (Tensor | undefined)[] = parts.map(() => undefined);
    let first: PolicyLoss[] = [];
    let last: PolicyLoss[] = [];
    const stats: Tensor[] = [];
    for (let update = 0; update < updates; update++) {
      const results = parts.map((part, i) =>
        accumulateGradients([policy.trainableParameters()], () => {
          const { logp, entropy } = tokenLogProbs(policy, part.batch, { temperature });
          const loss = policyLoss({ ...part, logp, entropy, oldLogp: oldLogps[i] }, { clip, klBeta });
          return { ...loss, logp: oldLogps[i] === undefined && updates > 1 ? detached(logp) : undefined };
        }),
      );
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
    return {
      loss: total(last.map(({ loss }) => loss)),
      kl: parts[0]?.refLogp === undefined ? undefined : total(last.flatMap(({ kl }) => kl ?? [])) / tokens,
      entropy: total(last.map(({ entropy }) => entropy)) / tokens,
      clipped: total(last.map(({ clipped }) => clipped)) / tokens,
      sampledError: Math.max(...first.map(({ sampledError }) => numbersOf(sampledError)[0]!)),
      gradientNorm: numbersOf(stats.at(-1)!)[0]!,
      nonFinite: stats.reduce((sum, tensor) => sum + numbersOf(tensor)[1]!, 0),
      tokens,
    };
  });
}
