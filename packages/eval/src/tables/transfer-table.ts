import { ToolError } from '@dawngrad/tensor';
import { pointsCell, shareCell } from './cells.ts';
import { numberNotes, selectionNote } from './number-notes.ts';
import type { PaperCell, PaperTable } from './paper-table.ts';
import { labelColumns, type PlotRun } from './plot-run.ts';
import { left, missingNotes, right, type TableInput, titleOf } from './table-input.ts';

/**
 * Samples of policies of one domain (rows) chosen by critics of another (columns): what the reward gains over a
 * random sample (r-airl.md, section 7.4). Labels `domain` and `reward_domain`; other labels make further rows.
 */
export function transferTable({ runs }: TableInput): PaperTable {
  checkTransfer(runs);
  const heads = labelColumns(
    runs.map((run) => run.labels),
    ['reward_domain'],
  );
  const rewards = [...new Set(runs.map(({ labels }) => labels.reward_domain!))];
  const rowKeys = [...new Set(runs.map(({ labels }) => heads.cellsOf(labels).join('\n')))];
  return {
    name: 'transfer',
    title: titleOf('Best of N by the reward of another domain, less a random sample', heads.common),
    columns: [
      ...heads.names.map((name) => left(name === 'domain' ? 'policy' : name)),
      right('pass@1 %'),
      ...rewards.map((domain) => right(`${domain} reward`)),
    ],
    rows: rowKeys.map((key): PaperCell[] => {
      const own = runs.filter(({ labels }) => heads.cellsOf(labels).join('\n') === key);
      return [
        ...heads.cellsOf(own[0]!.labels),
        shareCell(own[0]!.summary.passAtK.find(({ k }) => k === 1)?.plain),
        ...rewards.map((domain): PaperCell => {
          const run = own.find(({ labels }) => labels.reward_domain === domain);
          return run === undefined ? '–' : pointsCell(run.summary.rewardGain?.overRandom);
        }),
      ];
    }),
    intervals: 'bounds',
    decimals: 1,
    notes: [
      ...numberNotes(runs),
      selectionNote(runs),
      'In points, paired over prompts, at the largest N; –: no run.',
      ...missingNotes([runs.some(({ summary }) => summary.rewardGain === null) ? 'no critic scores' : null]),
    ],
  };
}

/** @throws ToolError 'config' where a run does not say whose critic scored it */
export function checkTransfer(runs: readonly PlotRun[]): void {
  const without = runs.find(({ labels }) => labels.domain === undefined || labels.reward_domain === undefined);
  if (without === undefined) return;
  throw new ToolError('config', {
    op: without.source,
    expected: 'the labels domain (of the policy) and reward_domain (of the critic)',
    got: Object.keys(without.labels).join(', ') || 'no labels',
  });
}
