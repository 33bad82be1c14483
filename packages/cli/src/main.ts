import { Command, CommanderError } from 'commander';
import { addAnalyseCommand } from './commands/analyse.ts';
import { addBenchCommand } from './commands/bench.ts';
import { addChatCommand } from './commands/chat.ts';
import type { CommandContext } from './commands/command-context.ts';
import { addCompareCommand } from './commands/compare.ts';
import { addConfigCommand } from './commands/config.ts';
import { addDataCommand } from './commands/data.ts';
import { addDemoCommand } from './commands/demo.ts';
import { addDiffCommand } from './commands/diff.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addEvaluateCommand } from './commands/evaluate.ts';
import { addGenerateCommand } from './commands/generate.ts';
import { addInspectCommand } from './commands/inspect.ts';
import { addLocaliseCommand } from './commands/localise.ts';
import { addLogprobsCommand } from './commands/logprobs.ts';
import { addLsCommand } from './commands/ls.ts';
import { addMergeCommand } from './commands/merge.ts';
import { addMetricsCommand } from './commands/metrics.ts';
import { addPlanCommand } from './commands/plan.ts';
import { addPlotCommand } from './commands/plot.ts';
import { addReportCommand } from './commands/report.ts';
import { addSamplesCommand } from './commands/samples.ts';
import { addStudyCommand } from './commands/study.ts';
import { addSweepCommand } from './commands/sweep.ts';
import { addTrainCommand } from './commands/train.ts';
import { addTransferCommand } from './commands/transfer.ts';
import { addWatchCommand } from './commands/watch.ts';
import { exitOnCrash } from './crash-handler.ts';
import { dawngradVersion } from './package-info.ts';
import { Plugins } from './plugins/plugins.ts';
import { takePlugins } from './plugins/take-plugins.ts';

export type { Plugin, PluginPackages } from './plugins/plugin.ts';

const USAGE = 2;
/** Commands whose folder is that of --dir, where others have run.dir. */
const WITH_DIR: readonly string[] = ['demo', 'study', 'sweep'];

/**
 * The `dawngrad` command. Prints and returns the exit code: 0, 1 failed, 2 usage, 3 configuration or
 * data, 4 corrupt input, 75 device lost, 130 and 143 stopped by a signal.
 *
 * @param args without the names of the executable and the script
 * @param printers where to print; the standard streams unless given, and then errors that escape end the process
 */
export async function main(
  args: readonly string[],
  printers?: Pick<CommandContext, 'out' | 'err' | 'hooks'>,
): Promise<number> {
  // Both are taken out before parsing, so that they may stand anywhere.
  const debug = args.includes('--debug');
  const { rest, plugins: named } = takePlugins(args.filter((arg) => arg !== '--debug'));
  using plugins = new Plugins(named);
  const print = printers ?? standardStreams();
  const told = { debug, ...(WITH_DIR.includes(rest[0] ?? '') ? { folderOption: '--dir' } : {}) };
  if (printers === undefined) exitOnCrash(print, told);
  let exitCode = 0;
  const context: CommandContext = {
    ...print,
    plugins,
    exitWith: (code) => {
      exitCode = code;
    },
  };
  try {
    // Also for verbs that take names without a configuration.
    await plugins.load();
    await createProgram(context).parseAsync(rest, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has printed its own message.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
    const [{ errorMessage }, { exitCodeOf }] = await Promise.all([
      import('./error-message.ts'),
      import('./exit-code.ts'),
    ]);
    print.err(`${errorMessage(error, told)}\n`);
    return exitCodeOf(error);
  }
}

function createProgram(context: CommandContext): Command {
  const program = new Command('dawngrad')
    .description('Train and evaluate reasoning language models on WebGPU: SFT, GRPO, R-AIRL.')
    .version(dawngradVersion(), '--version', 'print the version')
    .option('--debug', 'print the stack of an error')
    .option('--plugin <file>', 'run a file that adds estimators, critic losses, data sets; may be given again')
    .helpOption('-h, --help', 'print help')
    .helpCommand(false)
    .allowExcessArguments(false)
    .configureOutput({ writeOut: context.out, writeErr: context.err })
    .exitOverride();
  addDemoCommand(program, context);
  addTrainCommand(program, context);
  addEvaluateCommand(program, context);
  addAnalyseCommand(program, context);
  addGenerateCommand(program, context);
  addChatCommand(program, context);
  addLogprobsCommand(program, context);
  addLocaliseCommand(program, context);
  addTransferCommand(program, context);
  addInspectCommand(program, context);
  addMergeCommand(program, context);
  addPlanCommand(program, context);
  addStudyCommand(program, context);
  addSweepCommand(program, context);
  addDataCommand(program, context);
  addLsCommand(program, context);
  addSamplesCommand(program, context);
  addDiffCommand(program, context);
  addReportCommand(program, context);
  addWatchCommand(program, context);
  addCompareCommand(program, context);
  addPlotCommand(program, context);
  addDoctorCommand(program, context);
  addConfigCommand(program, context);
  addMetricsCommand(program, context);
  addBenchCommand(program, context);
  return program.addHelpText(
    'after',
    `
Examples:
  $ dawngrad demo                            all of it in small, in minutes
  $ dawngrad train sft --data train.jsonl --model models/base run.dir=runs/sft
  $ dawngrad evaluate --model runs/sft --data test.jsonl run.dir=runs/sft-test
  $ dawngrad analyse runs/sft-test/eval_results_gsm8k.jsonl
  $ dawngrad generate --model runs/sft --prompt "sum 1 + 2 ="
  $ dawngrad chat --model models/instruct
  $ dawngrad logprobs --model models/base --input rows.jsonl --output scored.jsonl
  $ dawngrad localise --critic runs/irl --model runs/sft --data test.jsonl --output-dir runs/localise
  $ dawngrad transfer runs/transfer_* --output-dir runs/transfer
  $ dawngrad inspect models/base             is it sound, and how large?
  $ dawngrad merge --adapter runs/lora --output models/merged
  $ dawngrad plan irl --model qwen3b policy.lora.rank=64 --budget 24GB    will it fit?
  $ dawngrad study --quick                   do the paper's claims hold? a first look
  $ dawngrad sweep sweeps/main.yaml --dry-run    a study of many runs, here or on a cluster
  $ dawngrad data show --model models/base --data train.jsonl
  $ dawngrad ls runs                         how far is what, and how good?
  $ dawngrad samples runs/irl --wrong --sort reward
  $ dawngrad diff runs/seed1 runs/seed2
  $ dawngrad compare runs/sft-test runs/irl-test
  $ dawngrad plot figures.yaml               tables and figures of a paper
  $ dawngrad report runs/sft runs/irl runs/irl-test    one page to read and to send
  $ dawngrad watch runs/irl                  the same, live
  $ dawngrad doctor                          can this machine train?
  $ dawngrad config show irl > irl.yaml      a configuration to edit
  $ dawngrad config explain configs/math/qwen7b/irl_train.yaml    where each value comes from
  $ dawngrad metrics disc/acc                what does it mean, and is it healthy?
  $ dawngrad bench tune --save               kernels that suit this adapter
`,
  );
}

function standardStreams(): Pick<CommandContext, 'out' | 'err'> {
  // A reader such as `head` that has seen enough is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  // A terminal that was closed under a run takes no more text; the run goes on, and its files say how it goes.
  process.stderr.on('error', () => undefined);
  return { out: (text) => void process.stdout.write(text), err: (text) => void process.stderr.write(text) };
}
