import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CRITIC_FILE } from '@dawngrad/airl/node';
import { loadTokenizer } from '@dawngrad/models';
import { openModelFiles } from '@dawngrad/models/node';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadCritic } from '../../src/run/load-critic.ts';
import { criticFolder } from '../../src/run/model-folder.ts';
import { openSource } from '../../src/run/open-source.ts';
import { firstDifference, vocabularyHash } from '../../src/run/vocabulary-hash.ts';
import { runMain } from '../run-main.ts';
import { writeSums, writeTinyModel } from '../tiny-model.ts';

let folder: string;
const at = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-critic-'));
  await writeTinyModel(at('llama'));
  await writeTinyModel(at('mistral'), { modelType: 'mistral', hiddenSize: 32 });
  await writeTinyModel(at('swapped'), { swapsTokens: true });
  writeSums(at('sums.jsonl'), 20);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const DATA = ['data.format=jsonl', 'data.max_prompt_tokens=16', 'data.max_completion_tokens=16'];

function train(run: string, critic: string, ...more: string[]) {
  return runMain(
    'train',
    'irl',
    ...['--data', at('sums.jsonl'), '--model', at('llama'), `run.dir=${at(run)}`, ...DATA],
    ...['data.dev_fraction=0', 'train.unlabelled_fraction=0', 'train.prompts_per_round=2', 'sampling.group_size=2'],
    ...['train.max_steps=1', 'warmup.steps=1', 'warmup.samples_per_prompt=1', 'critic.updates_per_round=1'],
    ...['critic.experts_per_update=4', 'critic.policy_per_update=4', 'critic.lr=1e-2', 'policy.lr=1e-3'],
    ...[`critic.model=${critic}`, 'reward.granularity=interval', 'reward.interval_tokens=4', ...more],
  );
}

const SHAPED = ['critic.kind=shaped', 'reward.form=g', 'critic.shaping.gamma=0.9'];

describe('a critic of another family', () => {
  it('is trained where it has the same tokenizer, says what it is, and is read and trained on', async () => {
    const first = await train('first', at('mistral'), ...SHAPED);
    expect(first.code, first.err).toBe(0);
    const saved = join(at('first'), 'ckpt', 'step-00000001', 'critic');
    const file = JSON.parse(readFileSync(join(saved, CRITIC_FILE), 'utf8'));
    const tokenizer = vocabularyHash(await loadTokenizer(await openModelFiles(at('llama'))));
    expect(file).toEqual({
      schema: 1,
      kind: 'shaped',
      loss: 'bce',
      granularity: 'interval',
      intervalTokens: 4,
      shaping: { gamma: 0.9, clamp: null },
      tokenizer,
    });
    expect(JSON.parse(readFileSync(join(saved, 'config.json'), 'utf8')).model_type).toBe('mistral');

    const next = await train('next', at('first'), ...SHAPED);
    expect(next.code, next.err).toBe(0);

    const evaluated = await runMain(
      'evaluate',
      ...['--data', at('sums.jsonl'), '--model', at('llama'), `run.dir=${at('read')}`, ...DATA, 'data.max_rows=2'],
      ...[`critic.model=${at('first')}`, 'eval.samples_per_prompt=2', 'reward.granularity=step'],
    );
    expect(evaluated.code, evaluated.err).toBe(0);
    expect(evaluated.err).toContain('this critic was trained at intervals of 4 tokens and is read at');
  });

  it('is refused with another tokenizer of as many tokens, by the first token that differs', async () => {
    const { code, err } = await train('refused', at('swapped'));
    expect(code).toBe(3);
    expect(err).toMatch(/critic with the policy's tokenizer, in which id 39 is "<answer>".*it is "<\/answer>"/s);
  });

  it.each([
    [['reward.granularity=step'], 'reward.granularity=step', 'reward.granularity=interval'],
    [['reward.interval_tokens=5'], 'reward.interval_tokens=5', 'reward.interval_tokens=4'],
    [['critic.kind=plain', 'reward.form=f'], 'critic.kind=plain', 'critic.kind=shaped'],
    [['critic.shaping.gamma=1'], 'critic.shaping.gamma=1', 'critic.shaping.gamma=0.9'],
    [['critic.shaping.clamp=2'], 'critic.shaping.clamp=2', 'critic.shaping.clamp=null'],
  ])('is not trained on in another way: %s', async (settings, wanted, found) => {
    const { code, err } = await train('refused', at('first'), ...SHAPED, ...settings);
    expect(code).toBe(3);
    expect(err).toContain(`expected a critic trained with ${wanted}, got one trained with ${found}`);
  });
});

describe('a critic of pooled tokens', () => {
  it('says so, is read and trained on so, and not otherwise', async () => {
    const pooled = ['critic.pooling=mean', 'critic.trunk_lr_scale=0.1'];
    const first = await train('pooled', at('llama'), ...pooled);
    expect(first.code, first.err).toBe(0);
    const saved = join(at('pooled'), 'ckpt', 'step-00000001', 'critic');
    expect(JSON.parse(readFileSync(join(saved, CRITIC_FILE), 'utf8'))).toMatchObject({
      kind: 'plain',
      pooling: 'mean',
    });

    const [policy, source] = [await openSource(at('llama')), await openSource(at('pooled'), criticFolder)];
    const progress = { note() {}, step() {}, close() {} };
    const device = await openDevice();
    const read = { policy: policy.model, maxPositions: 32, format: 'f32', training: null, progress } as const;
    const critic = await loadCritic(device, source, read);
    expect([critic.kind, critic.pooling]).toEqual(['plain', 'mean']);
    critic.dispose();
    device.close();

    const { code, err } = await train('refused', at('pooled'));
    expect(code).toBe(3);
    expect(err).toContain(
      'expected a critic trained with critic.pooling=last, got one trained with critic.pooling=mean',
    );
    const next = await train('pooled-next', at('pooled'), ...pooled);
    expect(next.code, next.err).toBe(0);
  });
});

describe('firstDifference', () => {
  it('compares tokens, not files', async () => {
    const [a, b, other] = await Promise.all(
      ['llama', 'mistral', 'swapped'].map(async (name) => loadTokenizer(await openModelFiles(at(name)))),
    );
    expect(firstDifference(a!, b!)).toBeUndefined();
    expect(vocabularyHash(a!)).toBe(vocabularyHash(b!));
    expect(firstDifference(a!, other!)).toBe(39);
    expect(vocabularyHash(a!)).not.toBe(vocabularyHash(other!));
  });
});
