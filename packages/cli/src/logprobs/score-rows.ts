import { type DecoderModel, packSequences, tokenLogProbs } from '@dawngrad/models';
import { readAll, scopeAsync } from '@dawngrad/tensor';

/** What a model says about the ids of a row; T entries each, the first of them null: nothing comes before it. */
export interface ScoredRow {
  readonly ids: readonly number[];
  /** Log-probability of each id after those before it, nats. */
  readonly logprobs: readonly (number | null)[];
  /** Entropy of the distribution that the id was drawn from, nats. */
  readonly entropies: readonly (number | null)[];
}

/** Scores sequences that go through the model together, without padding. */
export async function scoreRows(
  model: DecoderModel,
  rows: readonly (readonly number[])[],
  temperature: number,
  shorten: (value: number) => number,
): Promise<ScoredRow[]> {
  return scopeAsync(async () => {
    const batch = packSequences(model.device, rows);
    const { logp, entropy } = tokenLogProbs(model, batch, { temperature });
    const [logps, entropies] = (await readAll([logp, entropy])) as [Float32Array, Float32Array];
    return rows.map((ids, i) => {
      const start = batch.starts[i]!;
      const shifted = (values: Float32Array): (number | null)[] => [
        null,
        // A row holds the value of the id that follows it.
        ...Array.from(values.subarray(start, start + ids.length - 1), shorten),
      ];
      return { ids, logprobs: shifted(logps), entropies: shifted(entropies) };
    });
  });
}

/** Splits rows, in order, into groups of at most `tokens` ids; a longer row is a group by itself. */
export function groupByTokens<Row extends { readonly ids: readonly number[] }>(
  rows: readonly Row[],
  tokens: number,
): Row[][] {
  const groups: Row[][] = [];
  let held = Number.POSITIVE_INFINITY;
  for (const row of rows) {
    if (held + row.ids.length > tokens) {
      groups.push([]);
      held = 0;
    }
    groups.at(-1)!.push(row);
    held += row.ids.length;
  }
  return groups;
}
