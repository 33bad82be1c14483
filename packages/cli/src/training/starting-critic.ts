import { join } from 'node:path';
import { Critic, type RunContext } from '@dawngrad/airl';
import { CRITIC_FOLDER, loadStoredCritic, readCriticFile } from '@dawngrad/airl/node';
import type { DecoderModel, OpenModel } from '@dawngrad/models';
import { openModelFiles } from '@dawngrad/models/node';
import type { Config } from '../config/schema.ts';
import { type CriticWork, checkTraining, checkVocabulary, loadCritic } from '../run/load-critic.ts';
import type { Source } from '../run/open-source.ts';
import type { RunSession } from '../run/run-session.ts';
import { loraOptions } from './trainer-options.ts';

/** What a critic may start from. */
interface CriticStart {
  readonly policy: DecoderModel;
  /** The folder that the policy came from. */
  readonly source: OpenModel;
  /** What the critic starts from; undefined where it starts as the policy does. */
  readonly criticSource: Source | undefined;
  /** The checkpoint whose critic then takes its place; undefined where none is loaded. */
  readonly warmupSource: string | undefined;
  readonly progress: RunSession['progress'];
}

/** The critic that a configuration names or, where it names none, one that starts as the policy does. */
export async function startingCritic(
  config: Config<'irl'>,
  { policy, source, criticSource, progress }: CriticStart,
): Promise<Critic> {
  const training = criticWork(config);
  const { lora, kind, shaping } = training;
  if (criticSource === undefined) return Critic.copyOf(policy, lora, kind === 'shaped' ? shaping : undefined);
  return loadCritic(policy.device, criticSource, {
    policy: source,
    maxPositions: policy.maxPositions,
    format: config.critic.dtype,
    training,
    progress,
  });
}

/** How a configuration has its critic trained. */
function criticWork({ critic, reward, run }: Config<'irl'>): CriticWork {
  const { gamma, clamp } = critic.shaping;
  return {
    lora: loraOptions(critic.lora, run.seed),
    kind: critic.kind,
    shaping: { gamma, clamp },
    loss: critic.loss,
    granularity: reward.granularity,
    intervalTokens: reward.interval_tokens,
  };
}

/** How the critic of `warmup.load_from` comes into place, once it is known to be of this run's kind. */
export async function storedCritic(
  config: Config<'irl'>,
  { source, warmupSource, progress }: CriticStart,
): Promise<Pick<RunContext, 'loadCritic'>> {
  if (warmupSource === undefined) return {};
  const file = await readCriticFile(await openModelFiles(join(warmupSource, CRITIC_FOLDER)));
  checkTraining(warmupSource, file, criticWork(config));
  checkVocabulary(warmupSource, file, source);
  return {
    loadCritic: async ({ critic, optimizer }) => {
      progress.note(`critic: as stored in ${warmupSource}`);
      await loadStoredCritic(warmupSource, {
        critic,
        optimizer: config.warmup.load_optimizer ? optimizer : undefined,
      });
    },
  };
}
