import type { SettingResults } from './setting-results.ts';
import type { StudyEstimate } from './study-estimate.ts';

/** "setting T" with what it means. */
export function settingLabel(setting: SettingResults['setting']): string {
  return setting === 'tool' ? 'setting T' : 'setting O';
}

/** What the intervals of a setting are over. */
export function intervalNote({ seeds }: SettingResults): string {
  return seeds.length > 1
    ? `Means of ${seeds.length} seeds with 95 % t intervals over seeds.`
    : `One seed: intervals are over its problems, or traces, and tell nothing of another training run.`;
}

/** The value of one seed in per cent; empty where it has none. */
export function atSeed(estimate: StudyEstimate | null, seed: number): string {
  const found = estimate?.bySeed.find((one) => one.seed === seed);
  return found === undefined ? '' : (100 * found.value).toFixed(1);
}
