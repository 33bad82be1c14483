import { writeFileSync } from 'node:fs';
import { type TuneResult, TuningTable, tuneMatmul } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import type { CommandContext } from '../commands/command-context.ts';
import { listenForStop } from '../stop-request.ts';
import { Progress } from '../ui/progress.ts';
import { describeTuneCase, parseTuneCase, QUICK_SHAPES, TUNE_SHAPES } from './tune-cases.ts';
import { tuneText } from './tune-text.ts';
import { saveTuning, tuningOrigin } from './tuning-cache.ts';

export interface TuneCommandOptions {
  readonly shape?: readonly string[];
  readonly quick?: boolean;
  readonly anyOrder?: boolean;
  readonly save?: boolean;
  readonly json?: string;
}

/** `dawngrad bench tune`: measures, prints, and with `save` keeps the picks for later runs. */
export async function runTune(options: TuneCommandOptions, { out, err, exitWith }: CommandContext): Promise<void> {
  const shapes = options.shape ?? (options.quick === true ? TUNE_SHAPES.slice(0, QUICK_SHAPES) : TUNE_SHAPES);
  const cases = shapes.map(parseTuneCase);
  const progress = new Progress({
    write: err,
    isTerminal: process.stderr.isTTY === true,
    nowMs: () => performance.now(),
  });
  using stop = listenForStop((text) => progress.note(text));
  using device = await openDevice();
  progress.note(`tuning ${cases.length} matmuls on ${device.adapter.description}`);
  const table = new TuningTable(tuningOrigin(device));
  const results: { shape: string; result: TuneResult }[] = [];
  for (const [i, tuneCase] of cases.entries()) {
    if (stop.isRequested) break;
    const result = await tuneMatmul(device, tuneCase, {
      anyOrder: options.anyOrder === true,
      ...(options.quick === true ? { rounds: 3, seconds: 3 } : {}),
      // One stage for all shapes: the time that is left counts from its first step.
      onProgress: (done, total) =>
        progress.step('tune', i * 100 + Math.floor((100 * done) / total), cases.length * 100, {}),
    });
    progress.close();
    table.set(result.matmulClass, result.pick);
    results.push({ shape: describeTuneCase(tuneCase), result });
    out(`${tuneText(tuneCase, result)}\n`);
  }
  progress.close();
  if (options.json !== undefined) {
    writeFileSync(options.json, `${JSON.stringify({ origin: table.origin, results }, null, 2)}\n`);
  }
  if (options.save === true && table.size > 0) {
    const file = saveTuning(device, table, (text) => progress.note(text));
    progress.note(`saved: ${file}`);
  }
  exitWith(stop.exitCode);
}
