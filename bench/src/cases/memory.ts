import type { BenchCase } from '../bench-case.ts';
import { attentionCase, LONG_ATTENTION } from './attention.ts';
import { trainStepCases } from './train-step.ts';

/**
 * Where the peak of bytes is what matters: attention by its length, which must grow linearly, and the steps of
 * training.
 */
export const memoryCases: readonly BenchCase[] = [
  ...[512, 1024, 2048, 4096].map((tokens) =>
    attentionCase({ ...LONG_ATTENTION, tokens }, 'forward+backward', { isQuick: tokens <= 1024 }),
  ),
  attentionCase({ ...LONG_ATTENTION, tokens: 8192 }, 'forward+backward', { isLarge: true }),
  ...trainStepCases,
];
