import type { Command } from 'commander';
import type { PlotOptions } from '../plot/run-plot.ts';
import type { CommandContext } from './command-context.ts';

/** `dawngrad plot`. */
export function addPlotCommand(program: Command, context: CommandContext): void {
  program
    .command('plot')
    .description('make tables and figures of many runs from one specification')
    .argument('[spec]', 'YAML file: which runs, under which labels, and what to make of them')
    .option('--out <folder>', 'where to write; default: output of the specification')
    .option('--only <names...>', 'make these alone, by their names')
    .option('--list', 'print the kinds of tables and figures')
    .option('--schema', 'print the JSON Schema of a specification')
    .option('--json', 'print what was made and what is missing as JSON')
    .addHelpText(
      'after',
      `
Tables come as LaTeX, Markdown, CSV and JSON, figures as SVG and PNG; numbers.json holds every number that they show.
Runs that are not there are listed, never guessed, and make the exit code 1. The same runs give the same bytes. No GPU
is used.

A specification:
  runs:
    - path: runs/{domain}/{model}_{variant}
      domain: [gsm8k, mmlu]
      model: qwen7b
      variant: [sparse, dense]
      method: airl
  make:
    - table: main
    - figure: best-of-n
      each: [domain, variant]

Example:
  $ dawngrad plot figures.yaml
  $ dawngrad plot figures.yaml --out paper/figures --only main best-of-n`,
    )
    .action(async (spec: string | undefined, options: PlotOptions) => {
      const { runPlot } = await import('../plot/run-plot.ts');
      await runPlot(spec, options, context);
    });
}
