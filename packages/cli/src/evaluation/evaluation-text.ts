import {
  bestOfTable,
  type CalibrationNumbers,
  type Column,
  type EvaluationCell,
  type EvaluationFile,
  type EvaluationSummary,
  formatEstimate,
  formatPoints,
  type Table,
} from '@dawngrad/eval';
import { plainText } from '../ui/plain-text.ts';
import { splitTable } from '../ui/split-table.ts';
import { terminalWidth } from '../ui/terminal-width.ts';
import { pValueText } from './p-value-text.ts';

/** The tables of an evaluation for a terminal of so many columns: a pure function of evaluation.json. */
export function evaluationText(file: EvaluationFile, width = terminalWidth()): string {
  const blocks = [
    ...file.cells.map((cell) => cellText(cell, file.cells.length > 1, width)),
    ...comparisonBlocks(file, width),
    ...seedBlocks(file),
    ...(file.notes.length === 0 ? [] : [file.notes.map((note) => `note: ${note}`).join('\n')]),
  ];
  // Names and categories come out of files.
  return plainText(`${blocks.join('\n\n')}\n`);
}

function cellText({ name, summary }: EvaluationCell, isNamed: boolean, width: number): string {
  const { prompts, completions, counts, samplesPerPrompt: samples } = summary;
  const perPrompt = samples.min === samples.max ? `${samples.min}` : `${samples.min} to ${samples.max}`;
  const blocks = [
    `${isNamed ? `${name}: ` : ''}${prompts} prompts x ${perPrompt} samples: ${counts.correct} of ${completions} right, ` +
      `${counts.withoutAnswer} without an answer`,
    splitTable(passTable(summary), width),
    splitTable(bestOfTable(summary.bestOfN), width),
    ...(summary.selectors === null ? [] : [splitTable(selectorTable(summary), width)]),
    ...(summary.calibration === null ? [] : [splitTable(calibrationTable(summary), width)]),
    ...(summary.categories.length === 0 ? [] : [splitTable(categoryTable(summary), width)]),
    wrapped(remarks(summary), width),
  ];
  return blocks.join('\n\n');
}

function passTable({ passAtK, successAtK, samplesPerPrompt }: EvaluationSummary): Table {
  const isScored = successAtK !== null;
  return {
    columns: [
      right('k'),
      right('pass@k %'),
      ...(isScored ? [right('reward-weighted %'), right(`success@k|${samplesPerPrompt.min} %`)] : []),
    ],
    rows: passAtK.map(({ k, plain, rewardWeighted }) => [
      String(k),
      formatEstimate(plain),
      ...(isScored
        ? [formatEstimate(rewardWeighted), formatEstimate(successAtK.find((one) => one.k === k)?.estimate)]
        : []),
    ]),
  };
}

function selectorTable({ selectors, bestOfN }: EvaluationSummary): Table {
  const size = bestOfN.sizes.at(-1);
  return {
    columns: [left('reward of tokens by'), right(`best of ${size} %`), right('to discounted-mean'), right('AUROC %')],
    rows: (selectors ?? []).map(({ selector, estimates, overDiscountedMean, auroc }) => [
      selector,
      formatEstimate(estimates.at(-1)),
      selector === 'discounted-mean' ? '' : formatEstimate(overDiscountedMean, formatPoints),
      formatEstimate(auroc),
    ]),
  };
}

function calibrationTable({ calibration }: EvaluationSummary): Table {
  const row = (name: string, numbers: CalibrationNumbers | undefined): string[] => [
    name,
    formatEstimate(numbers?.ece),
    formatEstimate(numbers?.brier),
  ];
  return {
    columns: [left('reward as a probability'), right('ECE %'), right('Brier %')],
    rows: [
      row('as it is', calibration?.raw),
      row('temperature-scaled', calibration?.scaled?.byTemperature),
      row('isotonic', calibration?.scaled?.byIsotonic),
    ],
  };
}

function categoryTable({ categories, bestOfN }: EvaluationSummary): Table {
  const size = bestOfN.sizes.at(-1);
  return {
    columns: [
      left('category'),
      right('prompts'),
      right('pass@1 %'),
      right(`by reward, ${size} %`),
      right(`majority, ${size} %`),
      right('reward - random'),
    ],
    rows: categories.map(({ category, prompts, passAt1, byReward, byMajority, rewardOverRandom }) => [
      category === null ? '(none)' : oneLine(category),
      String(prompts),
      formatEstimate(passAt1),
      formatEstimate(byReward),
      formatEstimate(byMajority),
      formatEstimate(rewardOverRandom, formatPoints),
    ]),
  };
}

/** What the tables do not say by themselves: what was clustered, which N, tests, what was missing. */
function remarks(summary: EvaluationSummary): string[] {
  const { bootstrap, bestOfN, rewardGain, separation, calibration, counts, prompts, rewardDifferences } = summary;
  const which =
    bestOfN.rule === 'subsets'
      ? 'best of N: mean over all subsets of N samples' +
        (bestOfN.drawnSizes.length > 0
          ? ` (reward-weighted vote of ${bestOfN.drawnSizes.join(', ')}: over 4,096 of them)`
          : '')
      : 'best of N: of the first N samples, as published; the others are not looked at';
  const lines = [
    `per cent with 95 % intervals over ${prompts} prompts, each drawn with all of its samples (percentile bootstrap, ` +
      `${bootstrap.resamples} resamples, seed ${bootstrap.seed}; Wilson where all prompts agree). One training seed: ` +
      `the luck of training is not in them.`,
    `${which}. Ties are averaged; scores are the ${summary.selector} over tokens.`,
  ];
  if (rewardGain !== null) {
    const { overRandom, overMajority, overRandomTest, overMajorityTest } = rewardGain;
    lines.push(
      `choosing by the learned reward: ${formatEstimate(overRandom, formatPoints)} points over a random sample ` +
        `(sign-flip p ${pValueText(overRandomTest.signFlipP)}), ${formatEstimate(overMajority, formatPoints)} over majority ` +
        `(p ${pValueText(overMajorityTest.signFlipP)}).`,
    );
  }
  const aurocs = separation.map(
    ({ signal, auroc }) => `${signal === 'logprob' ? 'log-probability' : signal} ${formatEstimate(auroc)}`,
  );
  lines.push(`AUROC of correctness: ${aurocs.join(', ')}.`);
  const correct = rewardDifferences?.find(({ kind }) => kind === 'correct');
  if (correct?.difference && correct.welch) {
    lines.push(
      `mean reward of right less wrong completions: ${correct.difference.value.toFixed(3)} ` +
        `[${correct.difference.low.toFixed(3)}, ${correct.difference.high.toFixed(3)}] over prompts; Welch t ` +
        `${correct.welch.t.toFixed(2)}, p ${pValueText(correct.welch.p)} with completions as independent.`,
    );
  }
  if (calibration !== null) {
    lines.push(
      calibration.scaled === null
        ? 'scaled probabilities are n/a: eval.calibration_rows names no rows of dev prompts.'
        : `scaling fitted on ${calibration.scaled.fittedOn.completions} completions of ${calibration.scaled.fittedOn.prompts} other prompts; temperature ${calibration.scaled.temperature?.toFixed(3) ?? 'infinite'}.`,
    );
  }
  for (const { ranker, unavailable } of bestOfN.rows) {
    if (unavailable !== null) lines.push(`${ranker}: n/a, since ${unavailable}.`);
  }
  if (counts.nonFiniteReward > 0) {
    lines.push(`${counts.nonFiniteReward} completions have no finite reward; they rank last.`);
  }
  return lines;
}

function comparisonBlocks({ comparison }: EvaluationFile, width: number): string[] {
  if (comparison === null) return [];
  const first = comparison[0]!.name;
  const table: Table = {
    columns: [
      left('pass@1'),
      right('%'),
      right(`less ${first}`),
      right('sign-flip p'),
      right('sign-test p'),
      right('prompts'),
    ],
    rows: comparison.map(({ name, prompts, passAt1, overFirst }) => [
      name,
      formatEstimate(passAt1),
      overFirst === null ? '' : formatEstimate(overFirst.difference, formatPoints),
      overFirst === null ? '' : pValueText(overFirst.test.signFlipP),
      overFirst === null ? '' : pValueText(overFirst.test.signP),
      String(prompts),
    ]),
  };
  return [
    `${splitTable(table, width)}\n\npaired over the same prompts; p-values are two-sided, not corrected for several comparisons`,
  ];
}

function seedBlocks({ seeds }: EvaluationFile): string[] {
  if (seeds === null) return [];
  const interval = (found: { low: number; high: number } | null): string =>
    found === null ? 'n/a with one seed' : `[${(100 * found.low).toFixed(1)}, ${(100 * found.high).toFixed(1)}]`;
  return [
    [
      `pass@1 over ${seeds.seeds} seeds: ${(100 * seeds.value).toFixed(1)} % ` +
        `(${seeds.bySeed.map((mean) => (100 * mean).toFixed(1)).join(', ')})`,
      `  Student's t over the seeds: ${interval(seeds.overSeeds)}`,
      `  bootstrap of seeds and of ${seeds.prompts} prompts: ${interval(seeds.hierarchical)}`,
    ].join('\n'),
  ];
}

/** Below 0.001 three digits would be 0. */
function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}

function left(header: string): Column {
  return { header, align: 'left' };
}

function right(header: string): Column {
  return { header, align: 'right' };
}

function wrapped(lines: readonly string[], width: number): string {
  return lines
    .flatMap((line) => {
      const rows: string[] = [];
      let row = '';
      for (const word of line.split(' ')) {
        if (row !== '' && row.length + 1 + word.length > width) {
          rows.push(row);
          row = `  ${word}`;
        } else row = row === '' ? word : `${row} ${word}`;
      }
      return [...rows, row];
    })
    .join('\n');
}
