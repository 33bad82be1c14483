import type { DecoderModel } from '@dawngrad/models';
import { findNewestCheckpoint, type ManifestFile } from '@dawngrad/models/node';
import type { Device } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { directoryCheckpoints } from '../../src/checkpoint/directory-checkpoints.ts';
import { Critic } from '../../src/critic/critic.ts';
import type { MetricRow } from '../../src/metrics/names.ts';
import { createDocument } from '../../src/task/inverse-rules/documents.ts';
import { inverseRulesTokenizer } from '../../src/task/inverse-rules/tokenizer.ts';
import { longestTeacherPrompt } from '../../src/task/teacher-prompt.ts';
import { trainGrpo } from '../../src/train/grpo.ts';
import { trainIrl } from '../../src/train/irl.ts';
import { trainOpsd } from '../../src/train/opsd.ts';
import { pretrain } from '../../src/train/pretrain.ts';
import type { RunContext, TrainingResult } from '../../src/train/run-context.ts';
import { trainSft } from '../../src/train/sft.ts';
import { grpoOptions, irlOptions, optim, recordRun, sftOptions, tinyPolicy, tinyTask } from '../train/tiny-run.ts';
import { tinyTextTask } from '../train/tiny-text-task.ts';
import { temporaryFolder } from './temporary-folder.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

// Short completions and small rounds: what is compared is state, not learning.
const task = { ...tinyTask(), maxCompletionTokens: 10 };
const small = { promptsPerRound: 2, groupSize: 3 };
const steps = 6;
/** A dev set so small that accuracies tie and differ: the kept best must come through a restart. */
const dev = { everySteps: 2, prompts: 2, samplesPerPrompt: 2, temperature: 1 };

type Run = (policy: DecoderModel, lora: boolean, context: RunContext) => Promise<TrainingResult>;

const irl: Run = async (policy, lora, context) => {
  const critic = await Critic.copyOf(policy, {
    lora: lora ? { rank: 2, alpha: 4, targets: ['v_proj'], seed: 2 } : undefined,
  });
  try {
    return await trainIrl(policy, critic, task, { ...irlOptions, ...small, maxSteps: steps }, context);
  } finally {
    critic.dispose();
  }
};

const shapedIrl: Run = async (policy, _, context) => {
  const critic = await Critic.copyOf(policy, { shaping: { gamma: 1, clamp: 2 } });
  const reward = { ...irlOptions.reward, form: 'f-minus-logpi', normalise: 'running' } as const;
  try {
    return await trainIrl(policy, critic, task, { ...irlOptions, ...small, reward, maxSteps: steps }, context);
  } finally {
    critic.dispose();
  }
};

const sft: Run = (policy, _, context) => {
  return trainSft(policy, task, { ...sftOptions, maxSteps: steps, dev, keepBest: true }, context);
};

const grpo: Run = (policy, _, context) => {
  return trainGrpo(policy, task, { ...grpoOptions, ...small, maxSteps: steps, updatesPerRound: 2 }, context);
};

const texts = tinyTextTask();
const opsd: Run = (policy, _, context) => {
  const weights = { temperature: 1, clip: [-5, 5], normalise: true } as const;
  const { seed, lr, optim, groupSize, temperature, microBatchTokens, loggedPrompts } = grpoOptions;
  const options = { seed, lr, optim, groupSize, temperature, microBatchTokens, loggedPrompts, weights };
  return trainOpsd(policy, texts, { ...options, promptsPerRound: 2, maxSteps: steps, dev }, context);
};

const scratch: Run = (policy, _, context) =>
  pretrain(
    policy,
    (index) => createDocument(task.world, index),
    { lr: 1e-2, optim, maxSteps: steps, rowsPerStep: 3, microBatchTokens: 4096, readEverySteps: 2 },
    context,
  );

interface Outcome {
  readonly result: TrainingResult;
  /** Names, sizes and hashes of all files of the last checkpoint. */
  readonly files: readonly ManifestFile[];
  /** How often the run was ready to leave its round. */
  readonly looks: number;
  readonly rows: MetricRow[];
  readonly sampleIds: string[];
}

/** Runs from a fresh start of the process's models, on top of what earlier starts left in the folder. */
async function start(
  run: Run,
  lora: boolean,
  folder: string,
  log: { rows: MetricRow[]; sampleIds: string[] },
  options: { readonly resume: boolean; readonly stopAfter?: number; readonly abandonAfter?: number },
): Promise<Outcome> {
  const files = {
    offsets: () => ({ metrics: log.rows.length, samples: log.sampleIds.length }),
    truncate: ({ metrics, samples }: { metrics: number; samples: number }) => {
      log.rows.length = metrics;
      log.sampleIds.length = samples;
    },
  };
  const checkpoints = directoryCheckpoints({
    folder,
    keep: 2,
    everySteps: 4,
    sideFiles: inverseRulesTokenizer(),
    resume: options.resume,
    files,
  });
  const recorded = recordRun(checkpoints, options.stopAfter);
  const policy = tinyPolicy(device, lora, longestTeacherPrompt(texts) + texts.maxCompletionTokens);
  let looks = 0;
  try {
    const result = await run(policy, lora, {
      ...recorded.context,
      metrics: (row) => log.rows.push(row),
      samples: ({ id }) => log.sampleIds.push(id),
      shouldAbandonRound: () => ++looks > (options.abandonAfter ?? Number.POSITIVE_INFINITY),
    });
    const { found } = await findNewestCheckpoint(folder);
    return { result, files: found?.manifest.files ?? [], looks, ...log };
  } finally {
    policy.dispose();
  }
}

/** Without what depends on the machine's mood: times, memory, launches (a first step compiles). */
function learned(rows: readonly MetricRow[]): MetricRow[] {
  return rows.map((row) =>
    Object.fromEntries(Object.entries(row).filter(([key]) => !/^(mem|perf|time)\/|^step_time$/.test(key))),
  );
}

describe.each<[string, Run, boolean, readonly number[]]>([
  ['pretrain', scratch, false, [1]],
  ['sft', sft, false, [3]],
  ['sft with adapters', sft, true, [3]],
  ['grpo', grpo, false, [3]],
  ['grpo with adapters', grpo, true, [2]],
  ['opsd', opsd, false, [2]],
  ['irl, stopped in the warm-up and twice in the rounds', irl, false, [2, 3, 2]],
  ['irl with adapters of policy and critic', irl, true, [5]],
  ['irl with a shaped critic and whitened rewards', shapedIrl, false, [4, 3]],
])('%s', (_, run, lora, stops) => {
  it('ends with the same checkpoint, byte for byte, whether it was interrupted or not', async () => {
    const whole = await start(run, lora, temporaryFolder(), { rows: [], sampleIds: [] }, { resume: false });
    const folder = temporaryFolder();
    const log = { rows: [] as MetricRow[], sampleIds: [] as string[] };
    for (const [i, stopAfter] of stops.entries()) {
      const part = await start(run, lora, folder, log, { resume: i > 0, stopAfter });
      expect(part.result.status).toBe('stopped');
      expect(part.files).not.toEqual(whole.files);
      // A process that died later had written more than its last checkpoint knows of.
      log.rows.push({ step: 99 });
      log.sampleIds.push('lost');
    }
    const last = await start(run, lora, folder, log, { resume: true });
    expect(last.result).toEqual({ status: 'finished', step: steps });
    expect(last.files).toEqual(whole.files);
    expect(learned(last.rows)).toEqual(learned(whole.rows));
    expect(last.sampleIds).toEqual(whole.sampleIds);
  });
});

describe.each<[string, Run]>([
  ['grpo', grpo],
  ['irl', irl],
])('%s that is stopped while samples are drawn', (_, run) => {
  it('goes on from the round before, to the same checkpoint as without', async () => {
    const whole = await start(run, false, temporaryFolder(), { rows: [], sampleIds: [] }, { resume: false });
    const folder = temporaryFolder();
    const log = { rows: [] as MetricRow[], sampleIds: [] as string[] };
    // In the first samples of all, in the first round, and right after a round that was saved for another stop.
    const shares = [0, 0.25, 0.6];
    let step = 0;
    for (const [i, share] of shares.entries()) {
      const abandonAfter = Math.floor(share * whole.looks);
      const { result } = await start(run, false, folder, log, { resume: i > 0, abandonAfter });
      expect(result.status).toBe('stopped');
      expect(result.step).toBeGreaterThanOrEqual(step);
      step = result.step;
    }
    expect(step).toBeGreaterThan(0);
    const last = await start(run, false, folder, log, { resume: true });
    expect(last.result).toEqual({ status: 'finished', step: steps });
    expect(last.files).toEqual(whole.files);
    expect(learned(last.rows)).toEqual(learned(whole.rows));
    expect(last.sampleIds).toEqual(whole.sampleIds);
  });
});
