import type { Command } from 'commander';
import { integerOption } from '../generation/number-option.ts';
import type { ReportOptions } from '../report/run-report.ts';
import type { CommandContext } from './command-context.ts';

/** `dawngrad report`. */
export function addReportCommand(program: Command, context: CommandContext): void {
  program
    .command('report')
    .description('write one HTML page of runs, evaluations and localisations, to read and to send')
    .argument('<runs...>', 'folders of runs, evaluations, localisations, or files of evaluated rows')
    .option('--out <file>', 'the page; report.html in the folder, or here for several, unless said')
    .option('--title <text>', 'title of the page')
    .option('--completions <n>', 'completions that the page holds at most', integerOption(0), 20_000)
    .addHelpText(
      'after',
      `
The page holds all that it shows and loads nothing: tables with intervals, learning curves of all runs on each other,
calibration, completions with coloured tokens, configurations, and in what two runs differ. What is missing is n/a,
with the reason. Runs are only read, also while they go on. No GPU is used.

Example:
  $ dawngrad report runs/irl
  $ dawngrad report runs/sft runs/irl runs/sft-test runs/irl-test --out report.html`,
    )
    .action(async (runs: string[], options: ReportOptions) => {
      const { runReport } = await import('../report/run-report.ts');
      await runReport(runs, options, context);
    });
}
