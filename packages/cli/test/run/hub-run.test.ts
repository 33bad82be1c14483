import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HubServer, largeFile } from '@dawngrad/models/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type MainResult, runMain } from '../run-main.ts';
import { writeSums, writeTinyModel } from '../tiny-model.ts';

const NAME = 'tiny/sums';
const SMALL_FILES = ['config.json', 'generation_config.json', 'tokenizer.json', 'tokenizer_config.json'];

let hub: HubServer;
let folder: string;
let weights: Buffer;

beforeEach(async () => {
  hub = await HubServer.start();
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-hub-'));
  vi.stubEnv('HF_ENDPOINT', hub.url);
  vi.stubEnv('HF_HOME', join(folder, 'home'));
  for (const name of ['HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE', 'HF_TOKEN', 'HF_HUB_OFFLINE']) vi.stubEnv(name, '');
  await writeTinyModel(join(folder, 'source'));
  serveRows(8);
  weights = readFileSync(join(folder, 'source', 'model.safetensors'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.stop();
  rmSync(folder, { recursive: true, force: true });
});

function serve(bytes: Buffer): string {
  const small = SMALL_FILES.map((name) => [name, readFileSync(join(folder, 'source', name), 'utf8')]);
  return hub.commit(NAME, { ...Object.fromEntries(small), 'model.safetensors': largeFile(bytes) });
}

function serveRows(count: number): string {
  writeSums(join(folder, 'sums.jsonl'), count);
  return hub.commit('datasets/tiny/rows', { 'sums.jsonl': readFileSync(join(folder, 'sums.jsonl'), 'utf8') });
}

/** The weights with one bit changed in the last of them. */
function otherWeights(): Buffer {
  const bytes = Buffer.from(weights);
  bytes[bytes.length - 2]! ^= 1;
  return bytes;
}

function train(dir: string, ...more: readonly string[]): Promise<MainResult> {
  const sizes = ['train.max_steps=1', 'train.rows_per_step=2', 'data.dev_fraction=0', 'data.max_prompt_tokens=16'];
  const data = ['--data', 'datasets/tiny/rows/sums.jsonl', 'data.format=jsonl', 'data.max_completion_tokens=16'];
  return runMain('train', 'sft', '--model', NAME, `run.dir=${join(folder, dir)}`, ...data, ...sizes, ...more);
}

/** The files that each start of a run read: rows and weights. */
function recorded(dir: string): string[] {
  const { starts } = JSON.parse(readFileSync(join(folder, dir, 'env.json'), 'utf8'));
  return starts.flatMap(({ dataHashes }: { dataHashes: { data: object; policy: object } }) => [
    ...Object.keys(dataHashes.data),
    ...Object.keys(dataHashes.policy),
  ]);
}

const inSnapshot = (commit: string): unknown => expect.stringContaining(join('snapshots', commit));

describe('a run whose model and rows are named by their ids on the hub', () => {
  it('trains, has the commits on its record, and goes on with those when the branches have moved', async () => {
    const [model, rows] = [serve(weights), serveRows(8)];
    const started = await train('run');
    expect(started.code, started.err).toBe(0);
    expect(started.err).toContain(`model: ${NAME} at commit ${model.slice(0, 12)}, `);
    const [newModel, newRows] = [serve(otherWeights()), serveRows(9)];
    const resumed = await train('run', '--resume');
    expect(resumed.code, resumed.err).toBe(0);
    expect(recorded('run')).toEqual([rows, model, rows, model].map(inSnapshot));
    const fresh = await train('other');
    expect(fresh.code, fresh.err).toBe(0);
    expect(recorded('other')).toEqual([newRows, newModel].map(inSnapshot));
  });

  it('makes no run directory where the model cannot be had', async () => {
    const { code, out, err } = await train('run');
    expect([code, out]).toEqual([3, '']);
    expect(err).toMatch(/^tiny\/sums: expected a model on http.*, got none that can be read without a token\..*\n$/);
    expect(existsSync(join(folder, 'run'))).toBe(false);
  });
});
