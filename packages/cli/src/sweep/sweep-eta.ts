import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { configValue, isRunFolder, lastMetric, readRunFolder } from '../read-run/run-folder.ts';
import { RUN, type StageManifest } from './stage-manifest.ts';

/** How long the last attempt of a stage took, or has taken until now; seconds. */
export function secondsOf({ attempts }: Pick<StageManifest, 'attempts'>, nowMs: number): number {
  const last = attempts.at(-1);
  if (last === undefined) return 0;
  return ((last.endedAt === undefined ? nowMs : Date.parse(last.endedAt)) - Date.parse(last.startedAt)) / 1000;
}

/** The share of its steps that a train stage has done; undefined where that cannot be told. */
export function shareDone(folder: string): number | undefined {
  const run = join(folder, RUN);
  if (!existsSync(run) || !isRunFolder(run)) return undefined;
  const { config, metrics } = readRunFolder(run);
  const [done, total] = [lastMetric(metrics, 'step'), configValue(config, 'train.max_steps')];
  return done !== undefined && typeof total === 'number' && total > 0 ? Math.min(1, done / total) : undefined;
}

/**
 * Seconds until a sweep is done, from what jobs of the same stage took and from the steps of those that run; undefined
 * while a stage has not been timed.
 */
export function secondsLeft(
  stages: readonly StageManifest[],
  shareOf: (id: string) => number | undefined,
  slots: number,
  nowMs: number,
): number | undefined {
  const times = new Map<string, number[]>();
  for (const stage of stages) {
    if (stage.state === 'done') times.set(stage.stage, [...(times.get(stage.stage) ?? []), secondsOf(stage, nowMs)]);
  }
  const meanOf = (name: string): number | undefined => {
    const known = times.get(name);
    return known === undefined ? undefined : known.reduce((sum, one) => sum + one, 0) / known.length;
  };
  let work = 0;
  let longest = 0;
  for (const stage of stages) {
    if (stage.state === 'done' || stage.state === 'failed') continue;
    const mean = meanOf(stage.stage);
    const spent = stage.state === 'running' ? secondsOf(stage, nowMs) : 0;
    const share = stage.state === 'running' ? shareOf(stage.id) : undefined;
    const left =
      share !== undefined && share > 0
        ? (spent * (1 - share)) / share
        : mean === undefined
          ? undefined
          : Math.max(0, mean - spent);
    if (left === undefined) return undefined;
    work += left;
    longest = Math.max(longest, left);
  }
  return Math.max(longest, work / slots);
}

/** `45 s`, `12 min`, `3 h 05 min`. */
export function durationText(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}
