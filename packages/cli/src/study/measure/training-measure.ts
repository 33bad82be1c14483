import { join } from 'node:path';
import { readJsonLines } from '../../read-run/read-json-lines.ts';
import type { TrainingMeasure } from '../seed-measures.ts';

/** How the training in a part's folder went, from its metrics: means over the last tenth of its rounds. */
export function trainingMeasure(arm: string, folder: string): TrainingMeasure {
  const { rows } = readJsonLines(join(folder, 'metrics.jsonl'));
  const rounds = rows.filter((row) => typeof row.accuracy === 'number');
  const valuesOf = (name: string): number[] =>
    rounds.flatMap((row) => (typeof row[name] === 'number' ? [row[name]] : []));
  const last = (name: string): number | null => {
    const values = valuesOf(name);
    const tail = values.slice(-Math.max(1, Math.round(values.length / 10)));
    return tail.length === 0 ? null : tail.reduce((sum, value) => sum + value, 0) / tail.length;
  };
  const accuracies = valuesOf('accuracy');
  return {
    arm,
    rounds: rounds.length,
    lastAccuracy: last('accuracy'),
    bestAccuracy: accuracies.length === 0 ? null : Math.max(...accuracies),
    lastReward: last('reward'),
    lastKl: last('kl'),
  };
}
