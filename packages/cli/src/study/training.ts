import { mkdirSync, renameSync, rmSync } from 'node:fs';
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
  { folder, progress, shouldStop }: PartWork,
  everySteps: number,
  train: (context: RunContext) => Promise<TrainingResult>,
): Promise<readonly MetricRow[] | undefined> {
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
    if (status === 'stopped') return undefined;
    metrics.sync();
  } finally {
    metrics.close();
  }
  await keepModel(folder, checkpoints);
  return readJsonLines(join(folder, METRICS)).rows as readonly MetricRow[];
}

/** Makes the last checkpoint the model of the part. */
async function keepModel(folder: string, checkpoints: string): Promise<void> {
  const { found } = await findNewestCheckpoint(checkpoints);
  if (found === undefined) {
    throw new ToolError('failed', { op: folder, expected: 'a checkpoint of the last step', got: 'none' });
  }
  const model = join(folder, MODEL_FOLDER);
  rmSync(model, { recursive: true, force: true });
  for (const name of OF_CHECKPOINTS) rmSync(join(found.path, name), { recursive: true, force: true });
  renameSync(found.path, model);
  rmSync(checkpoints, { recursive: true, force: true });
}
