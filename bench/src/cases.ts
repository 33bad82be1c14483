import type { BenchCase } from './bench-case.ts';
import { adamwCases } from './cases/adamw.ts';
import { attentionCases } from './cases/attention.ts';
import { elementwiseCases } from './cases/elementwise.ts';
import { embeddingCases } from './cases/embedding.ts';
import { generateCases } from './cases/generate.ts';
import { linearLogProbsCases } from './cases/linear-log-probs.ts';
import { matmulCases } from './cases/matmul.ts';
import { rowCases } from './cases/rows.ts';
import { trainStepCases } from './cases/train-step.ts';

/** Every case, in the order of the table. */
export const cases: readonly BenchCase[] = [
  ...matmulCases,
  ...attentionCases,
  ...linearLogProbsCases,
  ...rowCases,
  ...elementwiseCases,
  ...embeddingCases,
  ...adamwCases,
  ...trainStepCases,
  ...generateCases,
];

/** The cases whose names hold one of the words, without regard to case; all if there are no words. */
export function selectCases(words: readonly string[]): BenchCase[] {
  const wanted = words.map((word) => word.toLowerCase());
  return cases.filter(({ name }) => wanted.length === 0 || wanted.some((word) => name.toLowerCase().includes(word)));
}
