import type { DecoderModel } from '@dawngrad/models';
import { read, scopeAsync } from '@dawngrad/tensor';
import { microBatches } from '../../loss/micro-batches.ts';
import { firstRows, packTraces, type TokenTrace, traceLength } from '../../loss/token-rows.ts';
import { criticPromptIds } from './critic-prompt.ts';
import { TOKEN, VOCAB_SIZE } from './vocabulary.ts';

/** What a model that has learned to proof-read thinks of a line, where the line ends. */
export interface Verdict {
  /** The completion's token in whose place the verdict stands, a `;`. */
  readonly token: number;
  /** log P(ok), nats, all lines before being passed. */
  readonly ok: number;
  /** log P(no), nats. */
  readonly no: number;
}

/**
 * Lets a model proof-read completions: `<review>` in place of `<think>`, and at each `;` the probabilities of `ok` and
 * `no`, with `ok` in place of each `;` before it. By the chain rule the sum of log P(ok) is the log-probability that
 * every line passes. A completion without a `;` has no verdicts.
 *
 * @param microBatchTokens most tokens in one forward pass; changes memory, not results
 */
export async function proofread(
  model: DecoderModel,
  traces: readonly TokenTrace[],
  microBatchTokens: number,
): Promise<Verdict[][]> {
  const found: Verdict[][] = [];
  for (const part of microBatches(traces, traceLength, microBatchTokens)) {
    await scopeAsync(async () => {
      const reviewed = part.map(({ promptIds, completionIds }) => ({
        promptIds: criticPromptIds(promptIds),
        completionIds: completionIds.map((id) => (id === TOKEN.semicolon ? TOKEN.ok : id)),
      }));
      const batch = packTraces(model.device, reviewed);
      const logits = (await read(model.logits(model.hidden(batch)))) as Float32Array;
      firstRows(batch, reviewed, 'predicting').forEach((row, i) => {
        const tokens = Array.from(part[i]!.completionIds.keys());
        found.push(
          tokens
            .filter((t) => part[i]!.completionIds[t] === TOKEN.semicolon)
            .map((token) => {
              const start = (row + token) * VOCAB_SIZE;
              const own = logits.subarray(start, start + VOCAB_SIZE);
              const total = logSumExp(own);
              return { token, ok: own[TOKEN.ok]! - total, no: own[TOKEN.no]! - total };
            }),
        );
      });
    });
  }
  return found;
}

function logSumExp(logits: Float32Array): number {
  const peak = logits.reduce((a, b) => Math.max(a, b));
  return peak + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - peak), 0));
}
