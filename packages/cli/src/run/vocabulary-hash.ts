import { createHash } from 'node:crypto';
import type { Tokenizer } from '@dawngrad/models';

/** SHA-256 of the tokens by id: equal where two tokenizers give the same meaning to every id, whatever their files. */
export function vocabularyHash(tokenizer: Tokenizer): string {
  const hash = createHash('sha256');
  for (let id = 0; id < tokenizer.vocabSize; id++) hash.update(`${JSON.stringify(tokenizer.tokenOf(id) ?? null)}\n`);
  return hash.digest('hex');
}

/** The first id that two tokenizers differ in; undefined where they are alike. */
export function firstDifference(a: Tokenizer, b: Tokenizer): number | undefined {
  const size = Math.max(a.vocabSize, b.vocabSize);
  for (let id = 0; id < size; id++) if (a.tokenOf(id) !== b.tokenOf(id)) return id;
  return undefined;
}
