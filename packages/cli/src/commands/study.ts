import { type Command, InvalidArgumentError, Option } from 'commander';
import { integerOption } from '../generation/number-option.ts';
import type { CommandContext } from './command-context.ts';

interface StudyFlags {
  readonly dir: string;
  readonly seeds?: number;
  readonly seed?: readonly number[];
  readonly setting: 'tool' | 'open' | 'both' | undefined;
  readonly quick?: boolean;
  readonly tiny?: boolean;
  readonly arms?: readonly string[];
  readonly only?: 'train' | 'report';
  readonly dryRun?: boolean;
}

const DEFAULT_SEEDS = 5;

/** `dawngrad study`. */
export function addStudyCommand(program: Command, context: CommandContext): void {
  program
    .command('study')
    .description('test the claims of R-AIRL from random weights: every arm on several seeds, and a report')
    .option('--dir <folder>', 'folder of the study', 'study-run')
    .addOption(
      new Option('--seeds <n>', `seeds from 11 on; default: ${DEFAULT_SEEDS}, with --quick 1`)
        .argParser(integerOption(1))
        .conflicts('seed'),
    )
    .option('--seed <seed...>', 'these seeds', seedList)
    .addOption(
      new Option(
        '--setting <setting>',
        'who writes the results of look-ups: a tool, the policy (open); default: both, with --quick tool',
      ).choices(['tool', 'open', 'both']),
    )
    .option(
      '--quick',
      'a first look, some ten minutes on two CPU cores: seed 11 with sft, grpo, irl-step and irl-interval in setting tool',
    )
    .addOption(
      new Option('--tiny', 'every part at a size that takes seconds; the results mean nothing').conflicts('quick'),
    )
    .option('--arms <names>', 'only these arms, as sft,grpo,irl-interval; sft is always one of them', nameList)
    .addOption(
      new Option('--only <what>', 'do the training alone, or write the report of what is measured by now').choices([
        'train',
        'report',
      ]),
    )
    .option('--dry-run', 'print the parts, what they cost and which are done; needs no GPU, writes nothing')
    .addHelpText(
      'after',
      `
What is done is never done twice: the same command goes on after any interruption, and Ctrl-C saves what runs. A part is
known by the hash of what it does, so that another seed or arm adds parts and leaves the others as they are. A variant of
an arm has another advantage estimator or critic loss, also one of a plugin: irl-interval+estimator=rloo+loss=pairwise.

Examples:
  $ dawngrad study --dry-run
  $ dawngrad study --dir studies/first --quick
  $ dawngrad study --dir studies/all --seeds 5
  $ dawngrad study --dir studies/all --plugin median.mjs --arms irl-interval,irl-interval+estimator=median`,
    )
    .action(async (flags: StudyFlags) => {
      const [{ runStudy }, { firstSeeds, studySettings }] = await Promise.all([
        import('../study/run-study.ts'),
        import('../study/study-settings.ts'),
      ]);
      const isSmall = flags.quick === true || flags.tiny === true;
      const size = flags.tiny === true ? 'tiny' : flags.quick === true ? 'quick' : 'full';
      const setting = flags.setting ?? (flags.quick === true ? 'tool' : 'both');
      const settings = setting === 'both' ? (['tool', 'open'] as const) : [setting];
      const seeds = flags.seed ?? firstSeeds(flags.seeds ?? (isSmall ? 1 : DEFAULT_SEEDS));
      await runStudy(
        {
          dir: flags.dir,
          settings: studySettings({
            size,
            seeds,
            settings,
            ...(flags.arms ? { arms: flags.arms } : {}),
            plugins: context.plugins?.hashes ?? [],
          }),
          ...(flags.only === undefined ? {} : { only: flags.only }),
          dryRun: flags.dryRun === true,
          command: commandOf(flags, context.plugins?.named ?? []),
        },
        context,
      );
    });
}

/** The command that makes a study again. */
function commandOf({ seeds, seed, setting, quick, tiny, arms }: StudyFlags, plugins: readonly string[]): string {
  const flags = [
    ...plugins.map((file) => `--plugin ${file}`),
    ...(quick === true ? ['--quick'] : []),
    ...(tiny === true ? ['--tiny'] : []),
    ...(seeds === undefined ? [] : [`--seeds ${seeds}`]),
    ...(seed === undefined ? [] : [`--seed ${seed.join(',')}`]),
    ...(setting === undefined ? [] : [`--setting ${setting}`]),
    ...(arms === undefined ? [] : [`--arms ${arms.join(',')}`]),
  ];
  return ['npm run study', ...(flags.length > 0 ? ['--', ...flags] : [])].join(' ');
}

function seedList(text: string, before: readonly number[] | undefined): number[] {
  const seeds = text.split(',').map(Number);
  const isSeed = (seed: number): boolean => Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32;
  if (!/^\d+(,\d+)*$/.test(text) || !seeds.every(isSeed)) {
    throw new InvalidArgumentError('Expected whole numbers from 0 to 4294967295.');
  }
  return [...new Set([...(before ?? []), ...seeds])];
}

function nameList(text: string): string[] {
  return text.split(',').map((name) => name.trim());
}
