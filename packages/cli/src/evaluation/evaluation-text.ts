import {
  bestOfTable,
  type EvaluationSummary,
  formatEstimate,
  formatPoints,
  renderTextTable,
  type Table,
} from '@dawngrad/eval';

/** What `dawngrad evaluate` prints: at most 120 columns. */
export function evaluationText(summary: EvaluationSummary): string {
  const { prompts, completions, counts, bootstrap, bestOfN, rewardGain, separation } = summary;
  const reward = separation.find(({ signal }) => signal === 'reward')?.auroc;
  const lines = [
    `${prompts} prompts x ${summary.samplesPerPrompt.min} samples: ${counts.correct} of ${completions} right, ` +
      `${counts.withoutAnswer} without an answer`,
    '',
    renderTextTable(passTable(summary)),
    '',
    renderTextTable(bestOfTable(printedSizes(bestOfN))),
    '',
    `per cent, with 95 % intervals over prompts (bootstrap, ${bootstrap.resamples} resamples); scores are ${summary.selector} over tokens`,
  ];
  if (rewardGain !== null) {
    lines.push(
      `choosing by the learned reward: ${formatEstimate(rewardGain.overRandom, formatPoints)} points over a random sample, ` +
        `${formatEstimate(rewardGain.overMajority, formatPoints)} over majority`,
    );
    if (reward) lines.push(`AUROC of the learned reward: ${formatEstimate(reward)}`);
  }
  if (counts.nonFiniteReward > 0)
    lines.push(`${counts.nonFiniteReward} completions have no finite reward; they rank last`);
  return `${lines.join('\n')}\n`;
}

function passTable({ passAtK }: EvaluationSummary): Table {
  const isScored = passAtK.some(({ rewardWeighted }) => rewardWeighted !== null);
  return {
    columns: [
      { header: 'k', align: 'right' },
      { header: 'pass@k %', align: 'right' },
      ...(isScored ? [{ header: 'reward-weighted pass@k %', align: 'right' as const }] : []),
    ],
    rows: passAtK.map(({ k, plain, rewardWeighted }) => [
      String(k),
      formatEstimate(plain),
      ...(isScored ? [formatEstimate(rewardWeighted)] : []),
    ]),
  };
}

const MAX_SIZES = 4;

/** The largest sizes: more columns than these do not fit on a terminal, and all are in the summary. */
function printedSizes({ sizes, rows }: EvaluationSummary['bestOfN']): EvaluationSummary['bestOfN'] {
  return {
    sizes: sizes.slice(-MAX_SIZES),
    rows: rows.map((row) => ({ ...row, estimates: row.estimates?.slice(-MAX_SIZES) ?? null })),
  };
}
