import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DecoderModel, type OpenModel } from '@dawngrad/models';
import { openModelDirectory } from '@dawngrad/models/node';
import type { Device } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Critic } from '../../src/critic/critic.ts';
import { collectExamples } from '../../src/data/collect-examples.ts';
import { readLines } from '../../src/node/read-lines.ts';
import { createTextTask, type TextTask } from '../../src/task/text-task.ts';
import { tokenizerCodec } from '../../src/task/tokenizer-codec.ts';
import { trainGrpo } from '../../src/train/grpo.ts';
import { trainIrl } from '../../src/train/irl.ts';
import { trainSft } from '../../src/train/sft.ts';
import { grpoOptions, irlOptions, optim, recordRun, series, sftOptions } from './tiny-run.ts';

const shared = fileURLToPath(new URL('../../../../../shared/data/', import.meta.url));
const folder = `${shared}models/stories260K`;
const train = `${shared}gsm8k/train.jsonl`;

describe.skipIf(!existsSync(folder) || !existsSync(train))('GSM8K rows with stories260K', () => {
  let device: Device;
  let source: OpenModel;
  let task: TextTask;
  beforeAll(async () => {
    device = await openDevice();
    source = await openModelDirectory(folder);
    task = createTextTask({
      name: 'gsm8k',
      demonstrations: collectExamples('gsm8k', readLines(train), 'train.jsonl').examples.slice(0, 4),
      unlabelled: [],
      dev: [],
      test: [],
      codec: tokenizerCodec({ tokenizer: source.tokenizer, vocabSize: source.config.vocabSize }),
      limits: { maxPromptTokens: 400, maxCompletionTokens: 800 },
      overlong: 'error',
      checker: 'numeric',
      corruptions: ['corrupt_numbers', 'corrupt_answer_nearby_number'],
      seed: 1,
    });
  });
  afterAll(() => device.close());

  // Far below the length of its answers, so that a test takes seconds; the model answers nothing anyway.
  const brief = (): TextTask => ({ ...task, maxCompletionTokens: 16 });
  const load = (trainable: boolean): Promise<DecoderModel> =>
    DecoderModel.load(device, source, { trainable, maxPositions: 1200 });

  it('lowers the loss of SFT with every step on the same rows', async () => {
    const policy = await load(true);
    const { context, rows } = recordRun();
    const constant = { ...optim, schedule: 'constant', warmupRatio: 0 } as const;
    await trainSft(policy, task, { ...sftOptions, lr: 2e-3, optim: constant, rowsPerStep: 4, maxSteps: 5 }, context);
    const losses = series(rows, 'loss');
    for (let i = 1; i < losses.length; i++) expect(losses[i]).toBeLessThan(losses[i - 1]!);
    policy.dispose();
  });

  it('runs rounds of GRPO with adapters over the frozen model', async () => {
    const policy = await load(false);
    policy.attachAdapters({ rank: 2, alpha: 4, targets: ['q_proj', 'v_proj'], seed: 1 });
    const { context, rows } = recordRun();
    await trainGrpo(policy, brief(), { ...grpoOptions, groupSize: 2, promptsPerRound: 2, maxSteps: 2 }, context);
    expect(series(rows, 'step')).toEqual([1, 2]);
    expect(Math.max(...series(rows, 'sampling/logp_diff_max'))).toBeLessThan(1e-4);
    policy.dispose();
  });

  it('runs rounds of R-AIRL with a step critic, its reward moving the policy', async () => {
    const policy = await load(true);
    const critic = await Critic.copyOf(policy);
    const { context, rows } = recordRun();
    const options = {
      ...irlOptions,
      groupSize: 2,
      promptsPerRound: 2,
      maxSteps: 2,
      reward: { ...irlOptions.reward, granularity: 'step' },
      warmup: { steps: 2, samplesPerPrompt: 2 },
    } as const;
    await trainIrl(policy, critic, brief(), options, context);
    expect(series(rows, 'disc/updates')).toEqual([1, 2, 4, 6]);
    expect(series(rows, 'disc/corrupted').every((count) => count >= 4)).toBe(true);
    expect(series(rows, 'grad_norm').every((norm) => norm > 0)).toBe(true);
    expect(Math.max(...series(rows, 'sampling/logp_diff_max'))).toBeLessThan(1e-4);
    policy.dispose();
    critic.dispose();
  });
});
