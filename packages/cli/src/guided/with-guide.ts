import type { GeneratedSample, GenerateOptions, GenerateRequest, OpenModel } from '@dawngrad/models';
import { type Device, ToolError } from '@dawngrad/tensor';
import type { CommandContext } from '../commands/command-context.ts';
import type { ModelSession } from '../generation/model-session.ts';
import { loadCritic } from '../run/load-critic.ts';
import { criticFolder } from '../run/model-folder.ts';
import { openSource } from '../run/open-source.ts';
import type { GuidanceOptions } from './guidance-options.ts';
import { guidedCompletions } from './guided-completions.ts';

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
