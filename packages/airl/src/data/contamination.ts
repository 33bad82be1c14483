import type { Example } from './example.ts';
import { hashText } from './hash-text.ts';
import { promptKey } from './splits.ts';

export interface ContaminationOptions {
  /** Words in a row that are compared. Default 8. */
  readonly words?: number;
  /** Share of a problem's word sequences that one training row must hold. Default 0.6. */
  readonly threshold?: number;
}

/** A row of one set that is found in another. */
export interface Overlap {
  readonly id: string;
  readonly trainId: string;
  /** `same`: equal but for case and white space; `similar`: most word sequences shared. */
  readonly kind: 'same' | 'similar';
  /** Share of the row's word sequences that the training row has; 1 where the rows are the same. */
  readonly share: number;
}

/**
 * The rows of `held` whose problem stands in `train`: the same but for case, white space and Unicode
 * forms, or with most of its sequences of 8 words in one training row, such as a problem retold with other
 * names at its start. Work and memory are linear in the number of words.
 */
export function findContamination(
  train: readonly Example[],
  held: readonly Example[],
  options: ContaminationOptions = {},
): Overlap[] {
  const { words = 8, threshold = 0.6 } = options;
  const rowOfKey = new Map<string, number>();
  // A sequence that many rows share ("How many ... does she have left") tells nothing; the first few rows are kept.
  const rowsOfSequence = new Map<number, number[]>();
  train.forEach(({ prompt }, row) => {
    const key = promptKey(prompt);
    if (!rowOfKey.has(key)) rowOfKey.set(key, row);
    for (const sequence of sequences(key, words)) {
      const rows = rowsOfSequence.get(sequence);
      if (rows === undefined) rowsOfSequence.set(sequence, [row]);
      else if (rows.length < MAX_ROWS) rows.push(row);
    }
  });
  return held.flatMap(({ id, prompt }): Overlap[] => {
    const key = promptKey(prompt);
    const same = rowOfKey.get(key);
    if (same !== undefined) return [{ id, trainId: train[same]!.id, kind: 'same', share: 1 }];
    const found = sequences(key, words);
    const shared = new Map<number, number>();
    for (const sequence of found) {
      for (const row of rowsOfSequence.get(sequence) ?? []) shared.set(row, (shared.get(row) ?? 0) + 1);
    }
    const [row, count] = [...shared].reduce((best, one) => (one[1] > best[1] ? one : best), [-1, 0]);
    const share = count / Math.max(1, found.size);
    return row >= 0 && share >= threshold ? [{ id, trainId: train[row]!.id, kind: 'similar', share }] : [];
  });
}

const MAX_ROWS = 16;

/** The hashes of all runs of `count` words; of a shorter text, of the text itself. */
function sequences(key: string, count: number): Set<number> {
  const words = key.match(/[\p{L}\p{N}]+/gu) ?? [];
  const hashes = new Set<number>();
  for (let i = 0; i + count <= words.length; i++) hashes.add(hashText(words.slice(i, i + count).join(' ')));
  return hashes;
}
