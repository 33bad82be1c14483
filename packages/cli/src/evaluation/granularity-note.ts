import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CRITIC_FILE, type CriticFile } from '@dawngrad/airl/node';
import type { Config } from '../config/schema.ts';
import { CONFIG } from '../run/run-directory.ts';

/** What to tell the user where a critic is read at other tokens than its run trained it at. */
export function granularityNote(criticFolder: string, reward: Config<'evaluate'>['reward']): string | undefined {
  const trained = trainedReward(criticFolder);
  if (trained === undefined || describe(trained) === describe(reward)) return undefined;
  return (
    `note: this critic was trained at ${describe(trained)} and is read at ${describe(reward)}; ` +
    `its scores mean less there. Set reward.granularity=${trained.granularity} for those it was trained for.`
  );
}

type MarkedReward = Pick<Config<'evaluate'>['reward'], 'granularity' | 'interval_tokens'>;

function describe({ granularity, interval_tokens }: MarkedReward): string {
  return granularity === 'interval' ? `intervals of ${interval_tokens} tokens` : `reward.granularity=${granularity}`;
}

/**
 * Where a critic was read in training: by its own file or, for one of an older version, by the run that it lies in,
 * `<run>/ckpt/<step>/critic`. Undefined where neither says.
 */
function trainedReward(criticFolder: string): MarkedReward | undefined {
  const own = join(criticFolder, CRITIC_FILE);
  if (existsSync(own)) {
    const { granularity, intervalTokens } = JSON.parse(readFileSync(own, 'utf8')) as CriticFile;
    return { granularity, interval_tokens: intervalTokens ?? 1 };
  }
  const lock = join(dirname(dirname(dirname(criticFolder))), CONFIG);
  if (!existsSync(lock)) return undefined;
  return (JSON.parse(readFileSync(lock, 'utf8')) as Partial<Config<'irl'>>).reward;
}
