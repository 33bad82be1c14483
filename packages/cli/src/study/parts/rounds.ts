import type { MetricName, MetricRow, RoundOptions } from '@dawngrad/airl';
import type { PartOutcome } from '../part.ts';
import { SAMPLE_TOKENS } from '../token-cost.ts';

/** Rounds from one checkpoint to the next, to go on from after a crash. */
export const CHECKPOINT_ROUNDS = 20;

/** What GRPO and R-AIRL have in common: each sample is drawn, compared with the base, and trained on. */
export function roundTokens({ maxSteps, promptsPerRound, groupSize, updatesPerRound }: RoundOptions): {
  readonly samples: number;
  readonly forward: number;
  readonly trained: number;
} {
  const samples = maxSteps * promptsPerRound * groupSize * SAMPLE_TOKENS;
  return { samples, forward: 2 * samples, trained: updatesPerRound * samples };
}

const LAST = 5;

/** How a training with rounds ended: means of the last rounds' metrics, on training problems. */
export function roundsOutcome(rows: readonly MetricRow[] | undefined): PartOutcome {
  if (rows === undefined) return { status: 'stopped' };
  const rounds = rows.filter((row) => row.accuracy !== undefined);
  const mean = (name: MetricName): number => {
    const values = rounds.slice(-LAST).flatMap((row) => row[name] ?? []);
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  const [accuracy, reward, kl] = [mean('accuracy'), mean('reward'), mean('kl')];
  const from = rounds[0]?.accuracy ?? Number.NaN;
  return {
    status: 'finished',
    result: { accuracy, reward, kl, 'accuracy of the first round': from },
    headline: `training accuracy ${from.toFixed(3)} -> ${accuracy.toFixed(3)}, kl ${kl.toFixed(3)}`,
  };
}
