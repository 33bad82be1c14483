import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import type { SweepPlan } from './plan-sweep.ts';
import { RUN, readManifest, type StageManifest, writeJson, writeManifest } from './stage-manifest.ts';
import { readSweepFile } from './sweep-file.ts';

/** `sweep.json`: the stages of the last start, so that a sweep can be looked at without its file. */
export interface SweepRecord {
  readonly schema: 1;
  readonly name: string;
  readonly file: string;
  readonly engine: 'local' | 'slurm';
  /** Ids in the order of the plan; a stage lies in `stages/<id>`. */
  readonly stages: readonly string[];
}

const RECORD = 'sweep.json';

/**
 * Writes down what a sweep is going to do: its record, and a manifest for each stage that is not done.
 *
 * @param live stages that jobs are at, which write their manifests themselves
 */
export function writeRecord(
  { file, stages }: SweepPlan,
  engine: SweepRecord['engine'],
  live: ReadonlySet<string> = new Set(),
): void {
  for (const { folder, manifest } of stages) {
    if (manifest.state !== 'done' && !live.has(manifest.id)) {
      const { error: _, ...rest } = manifest;
      writeManifest(folder, { ...rest, state: 'waiting' });
    }
  }
  for (const { folder, manifest } of stages) nameStage(file.folder, folder, manifest);
  writeJson(join(file.folder, RECORD), {
    schema: 1,
    name: file.name,
    file: file.path,
    engine,
    stages: stages.map(({ manifest }) => manifest.id),
  } satisfies SweepRecord);
}

/** `by-name/irl/qwen3b/step`: a link to the run, for people and for the paths of `dawngrad plot`. */
function nameStage(sweep: string, folder: string, { stage, values }: StageManifest): void {
  const words = [stage, ...Object.values(values).map((value) => String(value).replace(/[^\w.-]+/g, '_'))];
  const link = join(sweep, 'by-name', ...words);
  mkdirSync(dirname(link), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(relative(dirname(link), join(folder, RUN)), link);
}

export interface HeldSweep {
  readonly folder: string;
  readonly record: SweepRecord;
  readonly stages: readonly StageManifest[];
}

/** The sweep of a file or a folder, as its last start left it. Throws ToolError 'config' where there is none. */
export function readSweep(what: string, dir?: string): HeldSweep {
  const isFolder = existsSync(what) && statSync(what).isDirectory();
  const folder = isFolder ? what : readSweepFile(what, dir).folder;
  const path = join(folder, RECORD);
  if (!existsSync(path)) {
    throw new ToolError('config', {
      op: folder,
      expected: `the folder of a sweep, with ${RECORD}`,
      got: existsSync(folder) ? 'a folder without it' : 'no such folder',
      hint: '`dawngrad sweep FILE` starts one.',
    });
  }
  let record: SweepRecord;
  try {
    record = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new ToolError('corrupt', { op: path, expected: 'JSON', got: 'other text', cause });
  }
  const stages = record.stages.flatMap((id) => readManifest(join(folder, 'stages', id)) ?? []);
  return { folder, record, stages };
}
