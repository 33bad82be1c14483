import { ToolError } from '@dawngrad/tensor';
import { describe, expect, it } from 'vitest';
import { memoryFiles } from '../../src/io/memory-files.ts';
import { type OpenModel, openModel } from '../../src/io/open-model.ts';
import { makeWordLevelTokenizer } from '../../src/tokenizer/word-level.ts';
import { stored, type TinyOptions, values } from '../io/tiny-checkpoint.ts';
import { PREFIX, type TinyAdapterOptions, tinyAdapter, tinyBase } from './tiny-adapter.ts';

const Q = `${PREFIX}model.layers.0.self_attn.q_proj`;
const HEAD = `${PREFIX}lm_head.weight`;

async function open(
  options: TinyAdapterOptions = {},
  base: TinyOptions = {},
  edit?: (files: Map<string, Uint8Array>) => void,
): Promise<OpenModel> {
  const files = tinyAdapter(options);
  edit?.(files);
  return openModel(memoryFiles('adapter', files), { openBase: async () => tinyBase(base) });
}

describe('an adapter', () => {
  it('opens with the base that its configuration names', async () => {
    const asked: unknown[] = [];
    const model = await openModel(memoryFiles('adapter', tinyAdapter({ config: { revision: 'v2' } })), {
      openBase: async (...args) => {
        asked.push(args);
        return tinyBase();
      },
    });
    expect(asked).toEqual([['org/tiny', 'v2']]);
    expect(model.adapter?.factors.size).toBe(6);
    expect(model.adapter?.config.rank).toBe(2);
    expect(model.config.hiddenSize).toBe(8);
    expect(model.stopIds).toEqual([1, 2]);
    expect(model.files.label).toBe('adapter');
  });

  it('puts modules that it saved whole in the place of those of the base', async () => {
    const head = values(48, 7);
    const model = await open({
      config: { modules_to_save: ['lm_head'] },
      change: (tensors) => tensors.set(HEAD, stored([6, 8], head)),
    });
    expect(await model.weights.readF32('lm_head.weight')).toEqual(head);
    expect(model.weights.fileOf('lm_head.weight')).toBe('adapter_model.safetensors');
    expect(model.weights.fileOf('model.norm.weight')).toBe('model.safetensors');
  });

  it('may save both of two matrices that the base ties, if they are equal', async () => {
    const save = (output: Float32Array<ArrayBuffer>): Promise<OpenModel> =>
      open(
        {
          config: { modules_to_save: ['lm_head', 'embed_tokens'] },
          change: (t) =>
            t
              .set(`${PREFIX}model.embed_tokens.weight`, stored([6, 8], values(48, 7)))
              .set(HEAD, stored([6, 8], output)),
        },
        { config: { tie_word_embeddings: true } },
      );
    expect(await (await save(values(48, 7))).weights.readF32('model.embed_tokens.weight')).toEqual(values(48, 7));
    await expect(save(values(48, 8))).rejects.toThrow('adapter_model.safetensors: lm_head.weight');
  });

  it('uses its own tokenizer where it brings one', async () => {
    const model = await open({}, {}, (files) => {
      for (const [name, bytes] of makeWordLevelTokenizer({ words: ['si'], specialTokens: ['<e>'], eosToken: '<e>' }))
        files.set(name, bytes);
    });
    expect(model.tokenizer.encode('si')).toEqual([1]);
    expect(model.stopIds).toEqual([0, 1, 2]);
  });

  it.each([
    [
      'no weights',
      {},
      {},
      (f) => f.delete('adapter_model.safetensors'),
      'config',
      'expected adapter_model.safetensors',
    ],
    [
      'weights in a pickle',
      {},
      {},
      (f) => f.set('adapter_model.bin', new Uint8Array()).delete('adapter_model.safetensors'),
      'config',
      'adapter_model.bin, a pickle file',
    ],
    ['half a pair', { change: (t) => t.delete(`${Q}.lora_B.weight`) }, {}, undefined, 'corrupt', `${Q}.lora_B.weight`],
    [
      'a target without factors',
      { config: { target_modules: ['q_proj', 'k_proj', 'v_proj', 'down_proj'] } },
      {},
      undefined,
      'config',
      'factors of model.layers.0.self_attn.k_proj',
    ],
    [
      'factors of no target',
      { config: { target_modules: ['v_proj', 'down_proj'] } },
      {},
      undefined,
      'config',
      `${Q}.lora_A.weight`,
    ],
    [
      'a rank that is not that of its factors',
      { config: { r: 3 } },
      {},
      undefined,
      'corrupt',
      `${Q}.lora_A.weight of rank 3, as adapter_config.json says, got rank 2`,
    ],
    [
      'factors of two ranks',
      { change: (t) => t.set(`${Q}.lora_B.weight`, stored([8, 3], values(24, 1))) },
      {},
      undefined,
      'corrupt',
      `${Q}.lora_B.weight of rank 2`,
    ],
    [
      'fewer layers than the base',
      {},
      { config: { num_hidden_layers: 3 } },
      undefined,
      'config',
      'model.layers.2.self_attn.q_proj',
    ],
    [
      'more layers than the base',
      {},
      { config: { num_hidden_layers: 1 } },
      undefined,
      'config',
      `${PREFIX}model.layers.1.self_attn.q_proj.lora_A.weight`,
    ],
    [
      'another width than the base',
      {},
      { config: { hidden_size: 16, head_dim: 4 } },
      undefined,
      'config',
      'expected shape [2,16], got [2,8]',
    ],
    [
      'an adapter of the embedding',
      { change: (t) => t.set(`${PREFIX}model.embed_tokens.lora_embedding_A`, stored([2, 6], values(12, 1))) },
      {},
      undefined,
      'config',
      'an adapter of an embedding',
    ],
    [
      'a magnitude of DoRA',
      { change: (t) => t.set(`${Q}.lora_magnitude_vector`, stored([8], values(8, 1))) },
      {},
      undefined,
      'config',
      'a magnitude of DoRA',
    ],
    [
      'a tensor of another kind',
      { change: (t) => t.set('w', stored([1], values(1, 1))) },
      {},
      undefined,
      'config',
      'adapter_model.safetensors: w',
    ],
    [
      'a module that was saved and that the base has not',
      {
        config: { modules_to_save: ['score'] },
        change: (t) => t.set(`${PREFIX}score.weight`, stored([1, 8], values(8, 1))),
      },
      {},
      undefined,
      'config',
      `${PREFIX}score.weight`,
    ],
    [
      'a saved module of another size',
      { config: { modules_to_save: ['lm_head'] }, change: (t) => t.set(HEAD, stored([7, 8], values(56, 1))) },
      {},
      undefined,
      'config',
      `${HEAD}: expected shape [6,8], got [7,8]`,
    ],
    [
      'an output matrix of its own on a base that ties it',
      {
        config: { modules_to_save: ['lm_head'] },
        change: (t) => t.set(`${PREFIX}lm_head.weight`, stored([6, 8], values(48, 1))),
      },
      { config: { tie_word_embeddings: true } },
      undefined,
      'config',
      HEAD,
    ],
    [
      'integers for factors',
      { change: (t) => t.set(`${Q}.lora_A.weight`, { dtype: 'I32', shape: [2, 8], bytes: new Uint8Array(64) }) },
      {},
      undefined,
      'corrupt',
      `${Q}.lora_A.weight: expected one of F32, F16, BF16, got I32`,
    ],
  ] as readonly (readonly [
    string,
    TinyAdapterOptions,
    TinyOptions,
    ((files: Map<string, Uint8Array>) => void) | undefined,
    string,
    string,
  ])[])('with %s is refused in one message', async (_, options, base, edit, code, part) => {
    const error = await open(options, base, edit).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ToolError);
    expect((error as ToolError).message).toContain(part);
    expect((error as ToolError).code).toBe(code);
    expect((error as ToolError).message.split('\n')).toHaveLength(1);
  });

  it('names the base that it was made for when it does not fit', async () => {
    await expect(open({}, { config: { num_hidden_layers: 1 } })).rejects.toThrow(
      'The adapter was made for "org/tiny".',
    );
  });

  it('is refused where nothing can find its base', async () => {
    await expect(openModel(memoryFiles('adapter', tinyAdapter()))).rejects.toThrow('an adapter for org/tiny');
  });
});
