import type { TrainingRun } from '@dawngrad/eval';
import { readRunFolder } from '../read-run/run-folder.ts';
import type { ReadTraining } from './read-plot-run.ts';

/** The metrics of a training run. */
export function readTraining({ labels, source, folder }: ReadTraining): TrainingRun {
  return { labels, source, metrics: readRunFolder(folder).metrics };
}
