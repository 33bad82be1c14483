import type { ControlledOptions } from '../../src/localise/controlled-summary.ts';
import type { ScoredPair } from '../../src/localise/scored-pair.ts';
import type { TraceSignals } from '../../src/localise/trace-signals.ts';

/** Signals of a trace; those not given are flat. */
export function signals(given: Partial<Record<keyof TraceSignals, readonly number[]>>): TraceSignals {
  const length = Object.values(given)[0]!.length;
  const flat = new Array<number>(length).fill(0);
  return { critic: flat, logp: flat, entropy: flat, ...given };
}

export function pair(given: Partial<ScoredPair> & Pick<ScoredPair, 'clean' | 'edited' | 'changed'>): ScoredPair {
  return {
    promptIdx: 0,
    promptId: 'p0',
    severity: 1,
    variantIdx: 0,
    prompt: [{ role: 'user', content: 'q' }],
    cleanText: 'clean',
    editedText: 'edited',
    edits: ['corrupt_numbers'],
    isCleanCorrect: true,
    isEditedCorrect: true,
    isAnswerUnchanged: true,
    traceSource: 'expert',
    generationIdx: null,
    ...given,
  };
}

export const OPTIONS: ControlledOptions = {
  aggregate: 'mean',
  grid: { interval: 1, window: 1 },
  hitKs: [1, 3],
  smoothWindow: 1,
  onset: { threshold: 1, persistence: 2 },
  zscoreBins: 1,
  zscoreMode: 'standard',
  windows: [1, 7],
  bucket: 15,
  devPrompts: new Set(),
  resamples: 200,
  seed: 42,
};

/** T values, `low` from a place on and `high` before it. */
export function falling(length: number, at: number, high = 1, low = -1): number[] {
  return Array.from({ length }, (_, t) => (t < at ? high : low));
}
