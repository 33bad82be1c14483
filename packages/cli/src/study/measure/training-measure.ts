import { join } from 'node:path';
import type { TrainingMeasure } from '../seed-measures.ts';
import { readPartLines } from './read-lines.ts';

/** How the training in a part's folder went, from its metrics: means over the first or the last tenth of its rounds. */
export function trainingMeasure(arm: string, folder: string): TrainingMeasure {
  const { rows } = readPartLines(join(folder, 'metrics.jsonl'));
  const rounds = rows.filter((row) => typeof row.accuracy === 'number');
  const valuesOf = (name: string): number[] =>
    rounds.flatMap((row) => (typeof row[name] === 'number' ? [row[name]] : []));
  const tenth = (name: string, end: 'first' | 'last'): number | null => {
    const values = valuesOf(name);
    const count = Math.max(1, Math.round(values.length / 10));
    const some = end === 'first' ? values.slice(0, count) : values.slice(-count);
    return some.length === 0 ? null : some.reduce((sum, value) => sum + value, 0) / some.length;
  };
  const accuracies = valuesOf('accuracy');
  const steps = rows.map(({ step }) => (typeof step === 'number' ? step : 0));
  return {
    arm,
    rounds: rounds.length > 0 ? rounds.length : Math.max(0, ...steps),
    lastAccuracy: tenth('accuracy', 'last'),
    bestAccuracy: accuracies.length === 0 ? null : Math.max(...accuracies),
    firstReward: tenth('reward', 'first'),
    lastReward: tenth('reward', 'last'),
    lastKl: tenth('kl', 'last'),
  };
}
