import { type Adamw, accumulateGradients } from '@dawngrad/autograd';
import { type DecoderModel, tokenLogProbs } from '@dawngrad/models';
import { add, affine, readAll, scope, type Tensor } from '@dawngrad/tensor';
import { microBatches } from '../loss/micro-batches.ts';
import { sftLoss } from '../loss/sft-loss.ts';
import { packTraces, predictingRows, type TokenTrace, traceLength, trainedTokens } from '../loss/token-rows.ts';
import type { RunContext } from './run-context.ts';

export interface SupervisedStepOptions {
  readonly lr: number;
  readonly microBatchTokens: number;
  /** What each completion token counts in the mean, trace by trace; 1 unless said. */
  readonly weights?: readonly ArrayLike<number>[];
  readonly onRecorded?: RunContext['onRecorded'] | undefined;
}

/** A step whose numbers are still on the device. */
export interface SupervisedStep {
  readonly loss: Tensor;
  readonly stats: Tensor;
  readonly lr: number;
  /** Trained tokens. */
  readonly tokens: number;
}

/**
 * One optimiser step on the mean negative log-likelihood of the traces' own completion tokens, or with weights w on
 * -mean_t w_t log pi(y_t). The mean is over all of these tokens, whatever they weigh.
 */
export function supervisedStep(
  policy: DecoderModel,
  optimizer: Adamw,
  traces: readonly TokenTrace[],
  { lr, microBatchTokens, weights: factors, onRecorded }: SupervisedStepOptions,
): SupervisedStep {
  return scope(() => {
    const tokens = traces.reduce((total, trace) => total + trainedTokens(trace), 0);
    const items = traces.map((trace, i) => ({ trace, factors: factors?.[i] }));
    const losses = microBatches(items, ({ trace }) => traceLength(trace), microBatchTokens).map((items) => {
      const { loss } = accumulateGradients([policy.trainableParameters()], () => {
        const part = items.map(({ trace }) => trace);
        const batch = packTraces(policy.device, part);
        const weights = predictingRows(batch, part, (i) => {
          const { trace, factors } = items[i]!;
          return Float32Array.from(trace.completionIds, (_, t) =>
            trace.forced?.[t] ? 0 : (factors?.[t] ?? 1) / tokens,
          );
        });
        return { loss: sftLoss(tokenLogProbs(policy, batch).logp, weights) };
      });
      onRecorded?.('micro-batch');
      return loss;
    });
    optimizer.step(lr);
    // The optimiser's own tensor is overwritten by the next step.
    return { loss: losses.reduce(add), stats: affine(optimizer.stats, 1, 0), lr, tokens };
  });
}

export interface SupervisedResult {
  readonly loss: number;
  readonly gradientNorm: number;
  readonly nonFinite: number;
}

/** Reads the numbers of steps in one go, and frees them on the device. */
export async function readSteps(steps: readonly SupervisedStep[]): Promise<SupervisedResult[]> {
  const tensors = steps.flatMap(({ loss, stats }) => [loss, stats]);
  const values = await readAll(tensors);
  for (const tensor of tensors) tensor.dispose();
  return steps.map((_, i) => {
    const stats = values[2 * i + 1]!;
    return { loss: values[2 * i]![0]!, gradientNorm: stats[0]!, nonFinite: stats[1]! };
  });
}
