import { formatPercent, formatPoints } from '@dawngrad/eval';
import type { StudyEstimate } from './study-estimate.ts';

/** What stands where a number could not be computed. */
const NOT_MEASURED = 'n/a';

/** "68.6 [66.4, 70.9]" in per cent; without brackets where there is no interval. */
export function percentText(estimate: StudyEstimate | null, seeds = 0): string {
  return estimateText(estimate, formatPercent, seeds);
}

/** The same of a difference, with its sign. */
export function pointsText(estimate: StudyEstimate | null, seeds = 0): string {
  return estimateText(estimate, formatPoints, seeds);
}

/** The same of a number that is no share. */
export function numberText(estimate: StudyEstimate | null, seeds = 0, digits = 2): string {
  return estimateText(estimate, (value) => value.toFixed(digits).replace(/^-(0\.?0*)$/, '$1'), seeds);
}

/** Value and interval; how many seeds it is of, where the others have `seeds`. */
function estimateText(estimate: StudyEstimate | null, format: (value: number) => string, seeds: number): string {
  if (estimate === null) return NOT_MEASURED;
  const { value, low, high } = estimate;
  const interval = low === null || high === null ? '' : ` [${format(low)}, ${format(high)}]`;
  const few = estimate.seeds < seeds ? ` (${countText(estimate.seeds, 'seed')})` : '';
  return `${format(value)}${interval}${few}`;
}

/** "1 seed", "5 seeds". */
export function countText(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** Of how many: "5 seeds, 1,500 problems". */
export function sizeText(estimate: StudyEstimate | null): string {
  if (estimate === null) return NOT_MEASURED;
  return `${countText(estimate.seeds, 'seed')}, ${estimate.n.toLocaleString('en')} ${estimate.unit}`;
}
