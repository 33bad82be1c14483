import { measureRun, type PlannedAdapter, type PlannedRun } from '@dawngrad/airl';

/** Micro-batches that are tried after the first guess. */
const TRIES = 4;

/** The peak of what trains and scores, with nothing else to suit itself to the memory that is left. */
export async function updatesPeak(run: PlannedRun, adapter: PlannedAdapter): Promise<number> {
  return (await measureRun(run, adapter, { updatesOnly: true })).peakBytes;
}

/**
 * The largest micro-batch of whole rows, in tokens, whose updates stay within a budget; 0 where not even one row does.
 * Activations grow with the rows, so two small micro-batches tell about where it is, and a few more find it.
 */
export async function largestMicroBatch(
  run: PlannedRun,
  adapter: PlannedAdapter,
  budgetBytes: number,
  withMicroBatch: (run: PlannedRun, tokens: number) => PlannedRun,
  mostTokens: number,
): Promise<number> {
  const row = run.limits.maxPromptTokens + run.limits.maxCompletionTokens;
  const most = Math.max(1, Math.floor(mostTokens / row));
  const peak = (rows: number): Promise<number> => updatesPeak(withMicroBatch(run, rows * row), adapter);
  const first = await peak(1);
  if (first > budgetBytes) return 0;
  if (most === 1) return row;
  const each = Math.max(1, (await peak(2)) - first);
  let fits = 1;
  let tooMany = most + 1;
  let guess = Math.min(most, 1 + Math.floor((budgetBytes - first) / each));
  for (let tries = 0; tries < TRIES && fits + 1 < tooMany; tries++) {
    guess = Math.min(tooMany - 1, Math.max(fits + 1, guess));
    const bytes = await peak(guess);
    if (bytes <= budgetBytes) fits = guess;
    else tooMany = guess;
    guess = Math.floor(guess * (bytes <= budgetBytes ? 1.1 : 0.95));
  }
  return fits * row;
}
