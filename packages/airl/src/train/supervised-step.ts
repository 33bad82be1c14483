import { type Adamw, accumulateGradients } from '@dawngrad/autograd';
import { type DecoderModel, tokenLogProbs } from '@dawngrad/models';
import { add, affine, readAll, scope, type Tensor } from '@dawngrad/tensor';
import { microBatches } from '../loss/micro-batches.ts';
import { sftLoss } from '../loss/sft-loss.ts';
import { packTraces, predictingRows, type TokenTrace, traceLength, trainedTokens } from '../loss/token-rows.ts';

export interface SupervisedStepOptions {
  readonly lr: number;
  readonly microBatchTokens: number;
}

/** A step whose numbers are still on the device. */
export interface SupervisedStep {
  readonly loss: Tensor;
  readonly stats: Tensor;
  readonly lr: number;
  /** Trained tokens. */
  readonly tokens: number;
}

/** One optimiser step on the mean negative log-likelihood of the traces' own completion tokens. */
export function supervisedStep(
  policy: DecoderModel,
  optimizer: Adamw,
  traces: readonly TokenTrace[],
  { lr, microBatchTokens }: SupervisedStepOptions,
): SupervisedStep {
  return scope(() => {
    const tokens = traces.reduce((total, trace) => total + trainedTokens(trace), 0);
    const losses = microBatches(traces, traceLength, microBatchTokens).map(
      (part) =>
        accumulateGradients([policy.trainableParameters()], () => {
          const batch = packTraces(policy.device, part);
          const weights = predictingRows(batch, part, (i) =>
            Float32Array.from(part[i]!.completionIds, (_, t) => (part[i]!.forced?.[t] ? 0 : 1 / tokens)),
          );
          return { loss: sftLoss(tokenLogProbs(policy, batch).logp, weights) };
        }).loss,
    );
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
