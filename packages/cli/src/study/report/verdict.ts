import type { StudyEstimate } from './study-estimate.ts';

/** Differences that are 0 in exact arithmetic stay below this. */
export const ROUNDING = 1e-9;

/** What the data say of "the effect is above 0". */
export type Verdict = 'holds' | 'does not hold' | 'cannot be told';

/**
 * The rule, fixed before any of the default seeds was measured: by the 95 % t interval over seeds, wholly above 0 or
 * wholly at or below it. One seed decides nothing, whatever its interval over problems.
 */
export function verdictOf(effect: StudyEstimate | null): Verdict {
  if (effect === null || effect.over !== 'seeds' || effect.low === null || effect.high === null) {
    return 'cannot be told';
  }
  if (effect.low > ROUNDING) return 'holds';
  return effect.high <= ROUNDING ? 'does not hold' : 'cannot be told';
}

/** Of an effect that has to be there against each of several baselines: the weakest link decides. */
export function verdictOfAll(effects: readonly (StudyEstimate | null)[]): Verdict {
  const verdicts = effects.map(verdictOf);
  if (verdicts.includes('does not hold')) return 'does not hold';
  return verdicts.length > 0 && verdicts.every((verdict) => verdict === 'holds') ? 'holds' : 'cannot be told';
}
