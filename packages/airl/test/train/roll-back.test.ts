import type { Device } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { directoryCheckpoints } from '../../src/checkpoint/directory-checkpoints.ts';
import { Critic } from '../../src/critic/critic.ts';
import { inverseRulesTokenizer } from '../../src/task/inverse-rules/tokenizer.ts';
import type { Health } from '../../src/train/health.ts';
import { trainIrl } from '../../src/train/irl.ts';
import type { Checkpoints } from '../../src/train/run-context.ts';
import { temporaryFolder } from '../checkpoint/temporary-folder.ts';
import { irlOptions, recordRun, tinyPolicy, tinyTask } from './tiny-run.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

/** Rounds of the samples that are replayed, at each save, and the run's notes. */
async function roundsSaved(folder: string, stopAfter: number, change?: (health: Health) => void) {
  const own = directoryCheckpoints({
    folder,
    keep: 3,
    everySteps: 1,
    sideFiles: inverseRulesTokenizer(),
    resume: change !== undefined,
  });
  const saves: { readonly step: number; readonly rounds: number[] }[] = [];
  const checkpoints: Checkpoints = {
    ...own,
    restore: async (state) => {
      const restored = await own.restore(state);
      change?.(state.parts!.health as Health);
      return restored;
    },
    save: async (state, marks) => {
      const rounds = new Set(state.replay!.state.negatives.map(({ round }) => round));
      saves.push({ step: state.counters.step, rounds: [...rounds].sort((a, b) => a - b) });
      await own.save(state, marks);
    },
  };
  const policy = tinyPolicy(device);
  const critic = await Critic.copyOf(policy);
  const { context, notes } = recordRun(checkpoints, stopAfter);
  const options = { ...irlOptions, promptsPerRound: 2, groupSize: 2, unlabelledFraction: 0, maxSteps: 9 };
  try {
    await trainIrl(policy, critic, tinyTask(), { ...options, warmup: { steps: 0, samplesPerPrompt: 1 } }, context);
  } finally {
    critic.dispose();
    policy.dispose();
  }
  return { saves, notes };
}

it('saves the replay of the checkpoint that a run goes back to, not that of the steps that it leaves out', async () => {
  const folder = temporaryFolder();
  await roundsSaved(folder, 2);
  // As if ten of the last steps had been skipped: the next one is followed by the return to step 2.
  const { saves, notes } = await roundsSaved(folder, 1, (health) => {
    health.restore({ ...health.state(), recentSkips: Array.from({ length: 10 }, () => 2) });
  });
  expect(notes.some((note) => note.includes('by step 3: back to step 2, and on with the data after step 3'))).toBe(
    true,
  );
  expect(saves).toEqual([
    { step: 2, rounds: [1, 2] },
    { step: 3, rounds: [1, 2, 4] },
  ]);
});
