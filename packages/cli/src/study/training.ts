import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { inverseRulesTokenizer, type MetricRow, type RunContext, type TrainingResult } from '@dawngrad/airl';
import { directoryCheckpoints } from '@dawngrad/airl/node';
import { findNewestCheckpoint } from '@dawngrad/models/node';
import { ToolError } from '@dawngrad/tensor';
import { readJsonLines } from '../read-run/read-json-lines.ts';
import { LineFile } from '../run/line-file.ts';
import type { PartWork } from './part.ts';
import { MODEL_FOLDER } from './stored-models.ts';

const CHECKPOINTS = 'ckpt';
const METRICS = 'metrics.jsonl';
/** Of a checkpoint, but not of a finished model: what only a training that goes on needs. */
const OF_CHECKPOINTS = ['training', 'manifest.json'];

/**
 * Trains in the folder of a part, from its last checkpoint where there is one, and leaves the model that it ends with in
 * `model/` and a row a step in `metrics.jsonl`. Returns those rows; undefined where it was asked to stop.
 */
export async function trainInPart(
  work: PartWork,
  everySteps: number,
  train: (context: RunContext) => Promise<TrainingResult>,
): Promise<readonly MetricRow[] | undefined> {
  const { folder } = work;
  // The model is there at once and after everything else: a start that was cut off behind that trains nothing again.
  if (!existsSync(join(folder, MODEL_FOLDER))) {
    if (!(await trainToEnd(work, everySteps, train))) return undefined;
    await keepModel(folder);
  }
  for (const name of OF_CHECKPOINTS) rmSync(join(folder, MODEL_FOLDER, name), { recursive: true, force: true });
  rmSync(join(folder, CHECKPOINTS), { recursive: true, force: true });
  return readJsonLines(join(folder, METRICS)).rows as readonly MetricRow[];
}

/** Trains to the last step; false where it was asked to stop before. */
async function trainToEnd(
  { folder, progress, shouldStop }: PartWork,
  everySteps: number,
  train: (context: RunContext) => Promise<TrainingResult>,
): Promise<boolean> {
  const checkpoints = join(folder, CHECKPOINTS);
  mkdirSync(checkpoints, { recursive: true });
  const metrics = new LineFile(join(folder, METRICS));
  try {
    const { status } = await train({
      reporter: progress,
      metrics: (row) => metrics.append(row),
      samples: () => undefined,
      shouldStop,
      shouldAbandonRound: shouldStop,
      nowMs: () => performance.now(),
      checkpoints: directoryCheckpoints({
        folder: checkpoints,
        keep: 1,
        everySteps,
        savesBest: false,
        sideFiles: inverseRulesTokenizer(),
        resume: true,
        acceptFallback: true,
        note: (text) => progress.note(text),
        files: {
          offsets: () => {
            metrics.sync();
            return { metrics: metrics.bytes, samples: 0 };
          },
          truncate: (offsets) => metrics.truncate(offsets.metrics),
        },
      }),
    });
    metrics.sync();
    return status !== 'stopped';
  } finally {
    metrics.close();
  }
}

/** Makes the last checkpoint the model of the part. */
async function keepModel(folder: string): Promise<void> {
  const { found } = await findNewestCheckpoint(join(folder, CHECKPOINTS));
  if (found === undefined) {
    throw new ToolError('failed', { op: folder, expected: 'a checkpoint of the last step', got: 'none' });
  }
  renameSync(found.path, join(folder, MODEL_FOLDER));
}
