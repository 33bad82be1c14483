import type { Table } from '@dawngrad/eval';
import type { StageManifest } from './stage-manifest.ts';
import type { ShownState } from './stage-states.ts';
import { durationText, secondsOf, shareDone } from './sweep-eta.ts';

/** The stages of a sweep, one a row. */
export function sweepTable(
  stages: readonly StageManifest[],
  states: ReadonlyMap<string, ShownState>,
  folderOf: (id: string) => string,
  nowMs: number,
): Table {
  return {
    columns: [
      { header: 'stage', align: 'left' },
      { header: 'state', align: 'left' },
      { header: 'done', align: 'right' },
      { header: 'time', align: 'right' },
      { header: 'folder', align: 'left' },
    ],
    rows: stages.map((stage) => {
      const state = states.get(stage.id) as ShownState;
      const share = state === 'running' || state === 'stopped' ? shareDone(folderOf(stage.id)) : undefined;
      const job = stage.attempts.at(-1)?.job;
      const exit = stage.attempts.at(-1)?.exitCode;
      const note =
        state === 'failed' && exit !== undefined ? ` (exit ${exit})` : job === undefined ? '' : ` (job ${job})`;
      return [
        stage.label,
        `${state}${note}`,
        share === undefined ? '' : `${Math.round(100 * share)}%`,
        stage.attempts.length === 0 ? '' : durationText(secondsOf(stage, nowMs)),
        stage.id,
      ];
    }),
  };
}
