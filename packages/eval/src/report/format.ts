import type { Estimate } from '../stats/estimate.ts';

/** What stands where a number could not be computed. */
export const NOT_AVAILABLE = 'n/a';

/** A share as per cent with one decimal: 0.5714 is "57.1". */
export function formatPercent(share: number): string {
  return Number.isFinite(share) ? (100 * share).toFixed(1) : NOT_AVAILABLE;
}

/** As `formatPercent`, with its sign: "+4.2", "-0.3". Zero has none. */
export function formatPoints(share: number): string {
  const text = formatPercent(share);
  if (/^-?0\.0$/.test(text)) return '0.0';
  return share > 0 ? `+${text}` : text;
}

/** The 95 % interval in per cent: "[51.2, 62.8]". */
export function formatInterval(estimate: Estimate, format: (share: number) => string = formatPercent): string {
  return `[${format(estimate.low)}, ${format(estimate.high)}]`;
}

/** Value and interval in per cent: "57.1 [51.2, 62.8]", or n/a. */
export function formatEstimate(
  estimate: Estimate | null | undefined,
  format: (share: number) => string = formatPercent,
): string {
  return estimate ? `${format(estimate.value)} ${formatInterval(estimate, format)}` : NOT_AVAILABLE;
}

/** Seconds as "47 s", "3 min 20 s" or "1 h 5 min". */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
