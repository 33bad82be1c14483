import type { GeneratedSample, GenerateOptions, GenerateRequest, OpenModel } from '@dawngrad/models';
import { type Device, ToolError } from '@dawngrad/tensor';
import { type Command, Option } from 'commander';
import type { CommandContext } from '../commands/command-context.ts';
import type { ModelSession } from '../generation/model-session.ts';
import { integerOption, numberOption } from '../generation/number-option.ts';

/** How a critic guides decoding, as the command line says it. */
export interface GuidanceOptions {
  readonly critic?: string;
  readonly guidance?: 'none' | 'topk' | 'chunk';
  readonly guidanceK: number;
  readonly guidanceAlpha: number;
  readonly guidanceCandidates: number;
  readonly guidanceStep: number;
  readonly guidanceGamma: number;
}

/** Gives a command the options of `GuidanceOptions`. */
export function addGuidanceOptions(command: Command): Command {
  return command
    .option('--critic <folder>', 'trained critic that guides, or the run that trained it')
    .addOption(
      new Option('--guidance <method>', 'rescore the likeliest tokens, or choose among continuations').choices([
        'none',
        'topk',
        'chunk',
      ]),
    )
    .option('--guidance-k <k>', 'topk: tokens that are rescored', integerOption(1), 5)
    .option('--guidance-alpha <a>', "topk: weight of the critic's score", numberOption(-1e6, 1e6), 1)
    .option('--guidance-candidates <n>', 'chunk: continuations that are tried', integerOption(1), 4)
    .option('--guidance-step <n>', 'chunk: tokens of each', integerOption(1), 10)
    .option('--guidance-gamma <g>', 'chunk: discount of position scores', numberOption(0.01, 1), 0.95);
}

/** Throws ToolError 'usage' for a critic without guidance, and the other way round. */
export function checkGuidanceOptions({ critic, guidance = 'none' }: GuidanceOptions): void {
  if ((critic !== undefined) === (guidance !== 'none')) return;
  throw new ToolError('usage', {
    op: 'generate',
    expected: '--critic and --guidance together',
    got: critic === undefined ? `--guidance ${guidance} alone` : '--critic alone',
  });
}

interface GuideSession {
  readonly device: Device;
  readonly model: ModelSession['model'];
  readonly source: OpenModel;
  readonly maxPositions: number;
  readonly progress: ModelSession['progress'];
}

type Guided = (requests: readonly GenerateRequest[], options: GenerateOptions) => Promise<GeneratedSample[]>;

/** Loads the critic, runs `work` with guided generation, tells what it took, and takes the critic down. */
export async function withGuide(
  { device, model, source, maxPositions, progress }: GuideSession,
  options: GuidanceOptions,
  context: Pick<CommandContext, 'err'>,
  work: (guided: Guided) => Promise<GeneratedSample[]>,
): Promise<GeneratedSample[]> {
  const [{ criticFolder }, { openSource }, { loadCritic }, { guidedCompletions }] = await Promise.all([
    import('../run/model-folder.ts'),
    import('../run/open-source.ts'),
    import('../run/load-critic.ts'),
    import('./guided-completions.ts'),
  ]);
  const found = await openSource(options.critic as string, criticFolder, context);
  const critic = await loadCritic(device, found, {
    policy: source,
    maxPositions,
    format: 'stored',
    training: null,
    progress,
  });
  const spent = { policy: 0, critic: 0 };
  try {
    return await work((requests, generation) =>
      guidedCompletions(
        { policy: model, critic, criticPromptIds: (ids) => ids },
        requests,
        generation,
        {
          guidance: {
            method: options.guidance ?? 'none',
            k: options.guidanceK,
            alpha: options.guidanceAlpha,
            n_candidates: options.guidanceCandidates,
            step_size: options.guidanceStep,
            gamma: options.guidanceGamma,
          },
          reward: { temperature: 1, clip: null },
        },
        (_, { policyTokens, criticTokens }) => {
          spent.policy += policyTokens;
          spent.critic += criticTokens;
        },
      ),
    );
  } finally {
    progress.note(`guidance took ${spent.policy} policy tokens and ${spent.critic} critic tokens`);
    critic.dispose();
  }
}
