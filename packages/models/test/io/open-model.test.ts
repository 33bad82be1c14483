import { ToolError } from '@dawngrad/tensor';
import { describe, expect, it } from 'vitest';
import { memoryFiles } from '../../src/io/memory-files.ts';
import { type OpenModel, openModel } from '../../src/io/open-model.ts';
import { makeWordLevelTokenizer } from '../../src/tokenizer/word-level.ts';
import { type StoredTensor, stored, type TinyOptions, tinyCheckpoint, values } from './tiny-checkpoint.ts';

type Files = Map<string, Uint8Array>;

const open = (files: Files): Promise<OpenModel> => openModel(memoryFiles('dir', files));
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const SHARD = 'model-00002-of-00002.safetensors';
const INDEX = 'model.safetensors.index.json';
const Q = 'model.layers.0.self_attn.q_proj.weight';
const EMBEDDING = 'model.embed_tokens.weight';

/** Each way in which a model directory can be wrong: what was done to it, the code, and what the message must name. */
const BROKEN: readonly (readonly [string, TinyOptions, (files: Files) => void, string, readonly string[]])[] = [
  ['no config.json', {}, (files) => files.delete('config.json'), 'config', ['config.json']],
  ['no tokenizer', {}, (files) => files.delete('tokenizer.json'), 'config', ['tokenizer.json']],
  ['no weights', {}, (files) => files.delete('model.safetensors'), 'config', ['model.safetensors']],
  [
    'weights in a pickle only',
    {},
    (files) => files.set('pytorch_model.bin', text('PK')).delete('model.safetensors'),
    'config',
    ['pytorch_model.bin', 'pickle', 'runs code'],
  ],
  ['a missing shard', { isSharded: true }, (files) => files.delete(SHARD), 'corrupt', [INDEX, SHARD]],
  ['a truncated shard', { isSharded: true }, (files) => cut(files, SHARD), 'corrupt', [SHARD, 'truncated']],
  ['a truncated file', {}, (files) => cut(files, 'model.safetensors'), 'corrupt', ['model.safetensors', 'truncated']],
  [
    'a shard that lacks a tensor of the index',
    { isSharded: true },
    (files) => editIndex(files, (map) => ({ ...map, 'model.layers.9.mlp.up_proj.weight': SHARD })),
    'corrupt',
    [INDEX, 'model.layers.9.mlp.up_proj.weight', SHARD],
  ],
  [
    'a shard with a tensor that the index leaves out',
    { isSharded: true },
    (files) => editIndex(files, ({ 'model.norm.weight': _, ...map }) => map),
    'corrupt',
    [INDEX, 'model.norm.weight', SHARD],
  ],
  ...['../model.safetensors', '/etc/model.safetensors', 'a/b.safetensors', 'c:\\b.safetensors', '..', 'x.bin'].map(
    (path): (typeof BROKEN)[number] => [
      `an index that leads to ${path}`,
      { isSharded: true },
      (files) => editIndex(files, (map) => ({ ...map, [Q]: path })),
      'corrupt',
      [INDEX, Q, JSON.stringify(path).slice(1, -1)],
    ],
  ),
  [
    'an index with __proto__ for a tensor',
    { isSharded: true },
    (files) => files.set(INDEX, text(`{"weight_map":{"__proto__":"${SHARD}"}}`)),
    'corrupt',
    [INDEX, '__proto__', SHARD],
  ],
  [
    'a tensor called __proto__',
    { change: (weights) => weights.set('__proto__', zeros([2])) },
    () => undefined,
    'corrupt',
    ['unknown __proto__'],
  ],
  [
    'an index nested too deep',
    { isSharded: true },
    (files) => files.set(INDEX, text('['.repeat(1e5))),
    'corrupt',
    [INDEX],
  ],
  [
    'a header that asks for 100 MB',
    {},
    (files) => files.set('model.safetensors', Uint8Array.of(0, 225, 245, 5, 0, 0, 0, 0, 123, 125)),
    'corrupt',
    ['model.safetensors', 'header'],
  ],
  ['a missing tensor', { change: (weights) => weights.delete(Q) }, () => undefined, 'corrupt', [`missing ${Q}`]],
  [
    'extra tensors',
    { change: (weights) => weights.set('model.layers.2.mlp.up_proj.weight', zeros([12, 8])) },
    () => undefined,
    'corrupt',
    ['unknown model.layers.2.mlp.up_proj.weight'],
  ],
  [
    'a bias that the family has not',
    { change: (weights) => weights.set('model.layers.0.self_attn.q_proj.bias', zeros([8])) },
    () => undefined,
    'corrupt',
    ['unknown model.layers.0.self_attn.q_proj.bias'],
  ],
  [
    'a wrong shape',
    { change: (weights) => weights.set(Q, zeros([8, 4])) },
    () => undefined,
    'corrupt',
    [`model.safetensors: ${Q}`, '[8,8]', '[8,4]'],
  ],
  [
    'a transposed shape',
    { change: (weights) => weights.set('model.layers.0.mlp.up_proj.weight', zeros([8, 12])) },
    () => undefined,
    'corrupt',
    ['model.safetensors: model.layers.0.mlp.up_proj.weight', '[12,8]', '[8,12]'],
  ],
  ...['F64', 'I8', 'F8_E4M3', 'U8'].map((dtype): (typeof BROKEN)[number] => [
    `a weight in ${dtype}`,
    {
      change: (weights) => weights.set(Q, { dtype, shape: [8, 8], bytes: new Uint8Array(dtype === 'F64' ? 512 : 64) }),
    },
    () => undefined,
    'corrupt',
    [`model.safetensors: ${Q}`, dtype],
  ]),
  [
    'a vocabulary of another size than the embedding',
    { change: (weights) => weights.set(EMBEDDING, zeros([7, 8])) },
    () => undefined,
    'corrupt',
    [`model.safetensors: ${EMBEDDING}`, '[6,8]', '[7,8]'],
  ],
  [
    'a tokenizer with more tokens than the embedding',
    {},
    (files) => {
      const words = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
      for (const [name, bytes] of makeWordLevelTokenizer({ words, specialTokens: [] })) files.set(name, bytes);
    },
    'corrupt',
    ['tokenizer.json', 'vocab_size 6, got id 6 for "g"'],
  ],
  [
    'a tied output matrix that differs',
    {
      config: { tie_word_embeddings: true },
      change: (weights) => weights.set('lm_head.weight', stored([6, 8], values(48, 99))),
    },
    () => undefined,
    'corrupt',
    ['model.safetensors: lm_head.weight', EMBEDDING, 'row 0', 'tie_word_embeddings'],
  ],
  [
    'a tied output matrix of another shape',
    { config: { tie_word_embeddings: true }, change: (weights) => weights.set('lm_head.weight', zeros([5, 8])) },
    () => undefined,
    'corrupt',
    ['model.safetensors: lm_head.weight', '[5,8]'],
  ],
  [
    'no output matrix though it is not tied',
    { change: (weights) => weights.delete('lm_head.weight') },
    () => undefined,
    'corrupt',
    ['missing lm_head.weight'],
  ],
  [
    'a generation_config.json with an id over the vocabulary',
    {},
    (files) => files.set('generation_config.json', text('{"eos_token_id": 6}')),
    'corrupt',
    ['generation_config.json', 'eos_token_id'],
  ],
  ['config.json that is no object', {}, (files) => files.set('config.json', text('[]')), 'corrupt', ['config.json']],
  [
    'config.json with a repeated key',
    {},
    (files) => files.set('config.json', text('{"hidden_size":1,"hidden_size":2}')),
    'corrupt',
    ['config.json', 'hidden_size'],
  ],
];

function zeros(shape: readonly number[]): StoredTensor {
  return stored(shape, new Float32Array(shape.reduce((a, b) => a * b)));
}

function cut(files: Files, name: string): void {
  files.set(name, files.get(name)!.slice(0, -1));
}

function editIndex(files: Files, edit: (map: Record<string, string>) => Record<string, string>): void {
  const json = JSON.parse(new TextDecoder().decode(files.get(INDEX))) as { weight_map: Record<string, string> };
  files.set(INDEX, text(JSON.stringify({ ...json, weight_map: edit(json.weight_map) })));
}

describe('openModel', () => {
  it.each(BROKEN)('refuses a directory with %s, in one line that names it', async (_, options, change, code, parts) => {
    const files = tinyCheckpoint(options);
    change(files);
    const error = await open(files).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ToolError);
    const { code: actual, message } = error as ToolError;
    expect(actual, message).toBe(code);
    for (const part of parts) expect(message).toContain(part);
    expect(message.split('\n')).toHaveLength(1);
    expect(message.length).toBeLessThan(600);
  });

  it.each([
    ['one file', {}],
    ['shards', { isSharded: true }],
    ['F16', { dtype: 'F16' }],
    ['BF16', { dtype: 'BF16' }],
    ['a tied output', { config: { tie_word_embeddings: true } }],
    [
      'a tied output that is stored all the same, in another type',
      {
        config: { tie_word_embeddings: true },
        change: (weights) => {
          const tied = values(48, 0).map((value) => Math.round(value * 8) / 8);
          weights.set(EMBEDDING, stored([6, 8], tied));
          weights.set('lm_head.weight', stored([6, 8], tied, 'BF16'));
        },
      },
    ],
    ['stored rotary frequencies', { change: (w) => w.set('model.layers.0.self_attn.rotary_emb.inv_freq', zeros([2])) }],
  ] as readonly (readonly [string, TinyOptions])[])('opens a model with %s', async (_, options) => {
    const model = await open(tinyCheckpoint(options));
    expect(model.config.hiddenSize).toBe(8);
    expect(model.stopIds).toEqual([1, 2]);
    expect(model.generationConfig?.temperature).toBe(0.6);
    expect(model.weights.entry(Q).shape).toEqual([8, 8]);
    expect(model.adapter).toBeUndefined();
  });

  it('reads only headers', async () => {
    const files = tinyCheckpoint({ isSharded: true });
    let bytesRead = 0;
    const plain = memoryFiles('dir', files);
    await openModel({
      ...plain,
      open: async (name) => {
        const source = await plain.open(name);
        if (!name.endsWith('.safetensors')) return source;
        return {
          ...source,
          read: (offset, length) => {
            bytesRead += length;
            return source.read(offset, length);
          },
        };
      },
    });
    const header = (name: string): number => Number(new DataView(files.get(name)!.buffer).getBigUint64(0, true)) + 8;
    expect(bytesRead).toBe(header('model-00001-of-00002.safetensors') + header(SHARD));
  });
});
