import { join } from 'node:path';
import { Critic, type RunContext } from '@dawngrad/airl';
import { CRITIC_FOLDER, HEAD_FILE, loadStoredCritic, readCriticFile } from '@dawngrad/airl/node';
import { type DecoderModel, type ModelFiles, type OpenModel, parseStrictJsonObject } from '@dawngrad/models';
import { openModelFiles } from '@dawngrad/models/node';
import { ToolError } from '@dawngrad/tensor';
import type { Config } from '../config/schema.ts';
import { type CriticWork, checkCritic, checkTraining, checkVocabulary, loadCritic } from '../run/load-critic.ts';
import type { Source } from '../run/open-source.ts';
import type { RunSession } from '../run/run-session.ts';
import { loraOptions } from './trainer-options.ts';

const ADAPTER_CONFIG = 'adapter_config.json';
const ADAPTER_CONFIG_CAP = 1 << 20;

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
  const { lora, kind, shaping, pooling } = training;
  if (criticSource === undefined) {
    return Critic.copyOf(policy, { lora, shaping: kind === 'shaped' ? shaping : undefined, pooling });
  }
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
    pooling: critic.pooling,
    shaping: { gamma, clamp },
    loss: critic.loss,
    granularity: reward.granularity,
    intervalTokens: reward.interval_tokens,
  };
}

/**
 * What can be told of the critics that a configuration names before anything is made. Throws ToolError 'config' where
 * one is of another kind than this run's, or is to be frozen and was never trained.
 */
export async function checkCriticStart(
  config: Config<'irl'>,
  { source, criticSource, warmupSource }: Pick<CriticStart, 'source' | 'criticSource' | 'warmupSource'>,
): Promise<void> {
  if (criticSource !== undefined) {
    const { model, folder } = criticSource;
    await checkCritic(criticSource, { policy: source, training: criticWork(config) });
    // A whole model may be given new adapters of any rank; those that are there go on as they are.
    if (model.adapter !== undefined) await checkRank(folder, model.files, config.critic.lora.rank);
  }
  if (warmupSource !== undefined) {
    const files = await openModelFiles(join(warmupSource, CRITIC_FOLDER));
    const file = await readCriticFile(files);
    checkTraining(warmupSource, file, criticWork(config));
    checkVocabulary(warmupSource, file, source);
    await checkRank(warmupSource, files, config.critic.lora.rank);
  } else if (config.critic.freeze && criticSource !== undefined) {
    if ((await criticSource.model.files.list()).includes(HEAD_FILE)) return;
    throw new ToolError('config', {
      op: 'critic.freeze, critic.model',
      expected: `a trained critic, with ${HEAD_FILE}`,
      got: `${criticSource.folder}, a model without it`,
      hint: 'name the run of `train irl`, or one of its checkpoints.',
    });
  }
}

/** A stored critic is put in place weight by weight, so the same of it has to be trained. */
async function checkRank(folder: string, files: ModelFiles, rank: number): Promise<void> {
  let stored = 0;
  if ((await files.list()).includes(ADAPTER_CONFIG)) {
    const text = await files.readText(ADAPTER_CONFIG, ADAPTER_CONFIG_CAP);
    stored = Number(parseStrictJsonObject(ADAPTER_CONFIG, text, { maxDepth: 8, maxKeys: 1000 }).r);
  }
  if (stored === rank) return;
  const name = (of: number): string => (of === 0 ? 'all weights (0)' : `adapters of rank ${of}`);
  throw new ToolError('config', {
    op: 'critic.lora.rank',
    expected: `${name(stored)}, as ${folder} has them`,
    got: name(rank),
  });
}

/** How the critic of `warmup.load_from` comes into place. */
export function storedCritic(
  { warmup }: Config<'irl'>,
  { warmupSource, progress }: CriticStart,
): Pick<RunContext, 'loadCritic'> {
  if (warmupSource === undefined) return {};
  return {
    loadCritic: async ({ critic, optimizer }) => {
      progress.note(`critic: as stored in ${warmupSource}`);
      await loadStoredCritic(warmupSource, { critic, optimizer: warmup.load_optimizer ? optimizer : undefined });
    },
  };
}
