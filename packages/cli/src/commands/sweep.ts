import { type Command, Option } from 'commander';
import { integerOption } from '../generation/number-option.ts';
import type { SweepOptions } from '../sweep/run-sweep.ts';
import type { SweepQueryOptions } from '../sweep/sweep-queries.ts';
import type { CommandContext } from './command-context.ts';

/** Options that `sweep` has too are taken by it, wherever they stand. */
function optionsOf(command: Command): SweepQueryOptions {
  return command.optsWithGlobals();
}

/** `dawngrad sweep FILE`, `sweep status|cancel|logs`. */
export function addSweepCommand(program: Command, context: CommandContext): void {
  const sweep = program
    .command('sweep')
    .description('run the stages of a study, each once, here or as Slurm jobs: sweep, status, cancel, logs')
    .argument('<file>', 'YAML: axes, and stages with what they take from each other')
    .addOption(new Option('--engine <engine>', 'where stages run').choices(['local', 'slurm']).default('local'))
    .option('--dry-run', 'resolve every stage and print what would run; nothing is written')
    .option(
      '--slots <n>',
      'stages at once on this machine; default: one an adapter of the file, else 1',
      integerOption(1),
    )
    .option('--dir <folder>', "folder of the sweep; default: the file's, else outputs/sweeps/<name>")
    .option('--json', 'with --dry-run: print everything as JSON')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
A stage is known by the hash of what it does: verb, configuration, options, inputs, version. What is done is never done
twice; the same command goes on after any interruption, and tries again what failed. Ctrl-C saves what runs.
Exit code 0: all is done. 1: a stage failed. The format of the file: docs/sweeps.md.

Examples:
  $ dawngrad sweep sweeps/main.yaml --dry-run
  $ dawngrad sweep sweeps/main.yaml --slots 4
  $ dawngrad sweep sweeps/main.yaml --engine slurm`,
    )
    .action(async (file: string, options: SweepOptions) => {
      const { runSweep } = await import('../sweep/run-sweep.ts');
      await runSweep(file, options, program, context);
    });
  const query = (name: string, description: string, example: string): Command =>
    sweep
      .command(name)
      .description(description)
      .argument('<sweep>', 'its file, or its folder')
      .option('--dir <folder>', 'folder of the sweep, where it was given')
      .addHelpText('after', `\nExample:\n  $ dawngrad sweep ${name} ${example}`);
  query('status', 'tell how far every stage is; of Slurm jobs with squeue and sacct', 'sweeps/main.yaml')
    .option('--json', 'print everything as JSON')
    .action(async (what: string, _: unknown, command: Command) => {
      const { sweepStatus } = await import('../sweep/sweep-queries.ts');
      sweepStatus(what, optionsOf(command), context);
    });
  query('cancel', 'ask what runs to save and end, and take the rest out of the queue', 'sweeps/main.yaml').action(
    async (what: string, _: unknown, command: Command) => {
      const { sweepCancel } = await import('../sweep/sweep-queries.ts');
      sweepCancel(what, optionsOf(command), context);
    },
  );
  query('logs', 'print what stages wrote: those that failed or run, or the one named', 'sweeps/main.yaml irl')
    .argument('[stage]', 'name or id of a stage')
    .action(async (what: string, stage: string | undefined, _: unknown, command: Command) => {
      const { sweepLogs } = await import('../sweep/sweep-queries.ts');
      sweepLogs(what, stage, optionsOf(command), context);
    });
  sweep
    .command('stage', { hidden: true })
    .argument('<folder>', 'folder of a stage')
    .description('run one stage from its folder, as jobs of a cluster do')
    .action(async (folder: string) => {
      const { runStageJob } = await import('../sweep/stage-job.ts');
      await runStageJob(folder, context);
    });
}
