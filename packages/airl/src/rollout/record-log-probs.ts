import { type DecoderModel, type TokenLogProbsOptions, tokenLogProbs } from '@dawngrad/models';
import { read, scopeAsync } from '@dawngrad/tensor';
import { microBatches } from '../loss/micro-batches.ts';
import { completionValues, firstRows, packTraces, type TokenTrace, traceLength } from '../loss/token-rows.ts';

/**
 * log pi of each completion token under a model, nats: one list a trace; 0 at tokens that the environment
 * wrote, which no policy chose.
 *
 * @param microBatchTokens most tokens in one forward pass; changes memory, not results
 */
export async function recordLogProbs(
  model: DecoderModel,
  traces: readonly TokenTrace[],
  microBatchTokens: number,
  options: TokenLogProbsOptions = {},
): Promise<Float32Array[]> {
  const found: Float32Array[] = [];
  for (const part of microBatches(traces, traceLength, microBatchTokens)) {
    await scopeAsync(async () => {
      const batch = packTraces(model.device, part);
      const values = (await read(tokenLogProbs(model, batch, options).logp)) as Float32Array;
      firstRows(batch, part, 'predicting').forEach((row, i) => {
        const trace = part[i]!;
        found.push(completionValues(values, row, trace).map((logp, t) => (trace.forced?.[t] ? 0 : logp)));
      });
    });
  }
  return found;
}
