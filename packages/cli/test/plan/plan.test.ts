import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needsAdapter } from '../../setup/launcher.mjs';
import type { Plan } from '../../src/plan/plan.ts';
import { runMain } from '../run-main.ts';
import { writeTinyModel } from '../tiny-model.ts';

let folder: string;
let model: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-plan-'));
  model = join(folder, 'model');
  await writeTinyModel(model);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SMALL = ['data.max_prompt_tokens=12', 'data.max_completion_tokens=20', 'train.max_steps=10'];
const LORA = ['policy.lora.rank=16', 'train.gradient_checkpointing=true', 'train.micro_batch_tokens=2048'];

async function planOf(...args: string[]): Promise<Plan> {
  const { code, out, err } = await runMain('plan', ...args, '--json');
  expect(code, err).toBe(0);
  return JSON.parse(out) as Plan;
}

describe('dawngrad plan', () => {
  it('needs no adapter', () => {
    expect(needsAdapter(['plan', 'irl'])).toBe(false);
  });

  it.each(['sft', 'grpo', 'irl', 'evaluate'])('plans %s of a folder with a configuration', async (kind) => {
    const small = kind === 'evaluate' ? [...SMALL.slice(0, 2), 'data.max_rows=100'] : SMALL;
    const plan = await planOf(kind, '--model', model, ...small);
    expect(plan).toMatchObject({ kind, fits: true, parameters: 2624 });
    expect(plan.peakBytes).toBe(Math.max(...plan.phases.map(({ peakBytes }) => peakBytes)));
    expect(plan.totalFlops).toBeGreaterThan(plan.stepFlops);
    expect(plan.totalTokens).toBeGreaterThan(0);
    expect(plan.checkpointBytes === 0).toBe(kind === 'evaluate');
  });

  it.each(['qwen3b', 'qwen4b', 'qwen7b', 'llama3b', 'llama8b'])(
    'plans adapters on %s, and says what fits',
    { timeout: 120_000 },
    async (name) => {
      const plan = await planOf('sft', '--model', name, ...LORA, '--budget', '80GB');
      expect(plan.fits).toBe(true);
      // The frozen weights in the bf16 of their files, with the rounding of the pool (at most an eighth).
      const weights = plan.phases[0]!.parts.weights;
      expect(weights / (2 * plan.parameters)).toBeGreaterThan(0.99);
      expect(weights / (2 * plan.parameters)).toBeLessThan(1.13);
      expect(plan.largestMicroBatchTokens).toBeGreaterThanOrEqual(plan.longestRowTokens);
      expect(plan.slots).toBeGreaterThan(0);
      expect(plan.knobs.map(({ overrides }) => overrides[0])).toContain('policy.dtype=nf4');
      expect(plan.knobs.every(({ savedBytes }) => savedBytes > 0)).toBe(true);
    },
  );

  it('says that a run is over its budget, by how much, and what would help', { timeout: 120_000 }, async () => {
    const args = ['sft', '--model', 'Qwen/Qwen2.5-0.5B-Instruct', 'policy.lora.rank=8', '--budget', '2GB'];
    const { fits, peakBytes, phases, knobs } = await planOf(...args);
    expect(fits).toBe(false);
    expect(peakBytes).toBeGreaterThan(2e9);
    expect(phases.filter(({ refused }) => refused !== undefined).map(({ name }) => name)).toContain('update');
    const half = knobs.find(({ overrides }) => overrides[0] === 'train.micro_batch_tokens=4096')!;
    const changed = await planOf(...args, ...half.overrides);
    const peak = (of: typeof phases): number => of.find(({ name }) => name === 'update')!.peakBytes;
    expect(peak(phases) - peak(changed.phases)).toBe(half.savedBytes);
    const { out } = await runMain('plan', ...args);
    expect(out).toMatch(/does not fit: needs at least \d/);
    expect(out).toMatch(/update +[\d.]+ GB/);
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(160);
  });

  it('plans a critic of its own, and reads a configuration file by its name', async () => {
    const path = join(folder, 'irl_train.yaml');
    writeFileSync(path, `policy:\n  model: ${model}\ncritic:\n  model: ${model}\n`);
    const { kind, phases } = await planOf(path, ...SMALL);
    expect(kind).toBe('irl');
    expect(phases[0]!.parts.critic).toBeGreaterThan(0);
    expect(phases.map(({ name }) => name)).toEqual([
      'load',
      'evaluation',
      "critic's warm-up samples",
      'samples',
      'critic update',
      'scoring',
      'policy update',
    ]);
  });

  it.each([
    [['sft'], 3, /policy\.model: expected a folder with config\.json, or the name of a known model, got none/],
    [['sft', '--model', 'nobody/knows-this'], 3, /known are Qwen\/Qwen2\.5-0\.5B-Instruct/],
    [['dpo', '--model', 'qwen3b'], 2, /plan: expected one of sft, grpo, irl, opsd, evaluate/],
    [['sft', '--model', 'qwen3b', '--budget', 'much'], 2, /Expected a size such as 5GB/],
    [['sft', '--model', 'qwen3b', 'policy.lora.rnk=4'], 3, /policy\.lora\.rank/],
    [['missing-sft.yaml', '--model', 'qwen3b'], 3, /missing-sft\.yaml: expected a readable configuration file/],
  ] as const)('answers %j with one message', async (args, exitCode, message) => {
    const { code, err } = await runMain('plan', ...args);
    expect(code).toBe(exitCode);
    expect(err).toMatch(message);
  });
});
