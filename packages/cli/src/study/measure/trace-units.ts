import { type FirstError, LINE_TOKENS } from '@dawngrad/airl';

/**
 * One past the last token of each unit of a completion: a line of eight tokens for each rule of the problem, and what
 * stands behind them. Of a completion that is too short for that many lines, the last unit is what there is.
 *
 * @param tokens of the completion, at least 1
 */
export function unitEnds(tokens: number, rules: number): number[] {
  const ends: number[] = [];
  for (let line = 1; line <= rules && line * LINE_TOKENS < tokens; line++) ends.push(line * LINE_TOKENS);
  return [...ends, tokens];
}

/** The mean of one number a token over each unit. */
export function unitMeans(values: ArrayLike<number>, ends: readonly number[]): number[] {
  return ends.map((end, unit) => {
    const start = unit === 0 ? 0 : ends[unit - 1]!;
    let sum = 0;
    for (let t = start; t < end; t++) sum += values[t]!;
    return sum / (end - start);
  });
}

/** The unit of a completion's first error; where the text stops too early, its last one. */
export function errorUnit(error: FirstError | undefined, ends: readonly number[]): number | null {
  return error === undefined ? null : Math.min(error.step, ends.length - 1);
}
