import { type Command, InvalidArgumentError, Option } from 'commander';
import { integerOption, numberOption } from '../generation/number-option.ts';
import type { LabelKind, LocaliseOptions } from '../localise/localise-options.ts';
import type { CommandContext } from './command-context.ts';

const LABELS = [
  'controlled',
  'processbench',
  'prm800k',
  'spans',
  'annotations',
] as const satisfies readonly LabelKind[];
const DTYPES = ['stored', 'f32', 'f16', 'bf16', 'q8_0', 'q4_0', 'nf4'];
const GRANULARITIES = ['sparse', 'step', 'interval', 'dense'];
const EDITS = [
  'flip_operator_in_one_step',
  'corrupt_numbers',
  'flip_clinical_direction',
  'reverse_causal_chains',
  'corrupt_demographics',
  'corrupt_guidelines_modalities',
];
const FORMATS = [
  'gsm8k',
  'gsm8k_kd',
  'medical',
  'medical_kd',
  'mmlu',
  'mmlu_kd',
  'science',
  'science_kd',
  'aime_train',
  'aime_train_kd',
  'aime_2024',
  'aime_2025',
  'countdown',
  'countdown_kd',
  'jsonl',
];

/** `dawngrad localise`. */
export function addLocaliseCommand(program: Command, context: CommandContext): void {
  program
    .command('localise')
    .description('where a critic sees the first wrong step, beside log-probability, entropy and chance')
    .requiredOption('--critic <folder>', 'trained critic, or the run that trained it')
    .requiredOption('--model <model>', 'policy whose log-probabilities and entropies are compared; its ids are scored')
    .requiredOption('--data <file>', 'rows with expert traces, or labelled rows')
    .requiredOption('--output-dir <folder>', 'for run_config.json, scores.jsonl, the details and summary.json')
    .addOption(new Option('--labels <kind>', 'what marks the errors').choices(LABELS).default('controlled'))
    .option('--annotations <folder>', 'expert_*.jsonl, for --labels annotations; --data has their cases')
    .addOption(
      new Option('--data-format <format>', 'kind of rows; of labelled rows the instruction before prompts')
        .choices(FORMATS)
        .default('gsm8k'),
    )
    .option('--split <split>', 'split of a folder or of a data set on the hub', 'test')
    .option('--no-system', 'put instructions into the user text')
    .addOption(
      new Option('--granularity <kind>', 'where the critic is read; default: as trained').choices(GRANULARITIES),
    )
    .option('--interval-tokens <n>', 'tokens an interval; default: as trained', integerOption(1))
    .addOption(
      new Option('--trace-source <kind>', 'clean traces').choices(['expert', 'pregenerated']).default('expert'),
    )
    .option('--pregenerated <file>', 'rows of `dawngrad evaluate` with sampled traces')
    .addOption(
      new Option('--clean-correct-policy <rule>', 'whether clean traces must be right')
        .choices(['require', 'prefer', 'ignore'])
        .default('require'),
    )
    .option('--max-examples <n>', 'rows, from --start-index on; 0: all', integerOption(0), 32)
    .option('--start-index <n>', 'first row', integerOption(0), 0)
    .addOption(
      new Option('--max-severity <n>', 'edits of a trace: 1 to n').argParser(upTo(integerOption(1), 63)).default(3),
    )
    .addOption(
      new Option('--variants-per-severity <n>', 'drawings of as many edits')
        .argParser(upTo(integerOption(1), 64))
        .default(1),
    )
    .addOption(
      new Option('--perturb-fns <names...>', 'edits of the reasoning')
        .choices(EDITS)
        .default(['flip_operator_in_one_step', 'corrupt_numbers']),
    )
    .option('--aggregate <selector>', 'token scores to the score of a trace, as in evaluate', 'mean')
    .option('--local-window <w>', 'tokens around a change that count as near', integerOption(0), 10)
    .addOption(numbers('--windows <w...>', 'windows of one prediction, tokens', 0).default([1, 3, 7, 15]))
    .addOption(numbers('--hit-ks <k...>', 'k of Hit@k', 1).default([1, 3, 5]))
    .option('--zscore-bins <n>', 'parts of a trace with a scale of their own', integerOption(1), 20)
    .addOption(new Option('--zscore-mode <mode>', 'scale of a part').choices(['robust', 'standard']).default('robust'))
    .option('--smooth-window <n>', 'tokens of the moving average', integerOption(1), 3)
    .option('--onset-threshold <z>', 'least difference of an onset', numberOption(0), 1)
    .option('--onset-persistence <n>', 'units that it lasts', integerOption(1), 3)
    .option('--dev-fraction <f>', 'share to fit thresholds on; default 0, of labelled rows 0.2', numberOption(0, 0.9))
    .option('--resamples <n>', 'bootstrap resamples; default 2000, of annotations 20000', integerOption(100))
    .option('--seed <n>', 'of edits, dev share and bootstrap', integerOption(0), 42)
    .option('--max-prompt-tokens <n>', 'longer rows are left out, and counted', integerOption(1), 300)
    .option('--max-completion-tokens <n>', 'likewise', integerOption(1), 824)
    .option('--micro-batch-tokens <n>', 'tokens that go through a model together', integerOption(1), 8192)
    .addOption(new Option('--dtype <type>', "how the policy's matrices are kept").choices(DTYPES).default('stored'))
    .addOption(new Option('--critic-dtype <type>', "how the critic's are kept").choices(DTYPES).default('stored'))
    .option('--json', 'print summary.json')
    .addHelpText(
      'after',
      `
A stopped run goes on with the same command: scored traces are kept in scores.jsonl.

Labelled rows: ProcessBench {problem, steps, label, final_answer_correct}; PRM800K {question, label} or
{problem, steps, ratings}; spans {prompt, completion, error: {start, end}, clean?}.

Example:
  $ dawngrad localise --critic runs/irl --model runs/sft --data test.jsonl --output-dir runs/localise
  $ dawngrad localise --labels processbench --critic runs/irl --model runs/sft --data gsm8k.json --max-examples 0 \\
      --output-dir runs/processbench`,
    )
    .action(async (options: LocaliseOptions) => {
      const { runLocalise } = await import('../localise/run-localise.ts');
      await runLocalise(options, context);
    });
}

/** A list of whole numbers of at least `min`, apart or with commas. */
function numbers(flags: string, help: string, min: number): Option {
  const parse = integerOption(min);
  let isOwn = false;
  return new Option(flags, help).argParser((text, before: readonly number[]) => {
    const found = text.split(',').map(parse);
    const all = isOwn ? [...before, ...found] : found;
    isOwn = true;
    return all;
  });
}

function upTo(parse: (text: string) => number, most: number): (text: string) => number {
  return (text) => {
    const value = parse(text);
    if (value <= most) return value;
    throw new InvalidArgumentError(`Expected at most ${most}.`);
  };
}
