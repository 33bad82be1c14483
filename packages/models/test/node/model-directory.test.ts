import { cpSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import { describe, expect, it } from 'vitest';
import { type DecoderConfig, parseDecoderConfig } from '../../src/config/decoder-config.ts';
import { weightSpecs } from '../../src/decoder/weight-specs.ts';
import { readSideFiles } from '../../src/io/side-files.ts';
import type { ModelContents } from '../../src/io/write-model.ts';
import { verifyDirectory } from '../../src/node/manifest.ts';
import { openModelDirectory, saveModelDirectory } from '../../src/node/model-directory.ts';
import { makeWordLevelTokenizer } from '../../src/tokenizer/word-level.ts';
import { sharedData } from '../shared-data.ts';
import { temporaryFolder } from './temporary-folder.ts';

const CONFIG: DecoderConfig = parseDecoderConfig(
  JSON.stringify({
    model_type: 'llama',
    hidden_size: 4,
    intermediate_size: 8,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    vocab_size: 4,
    bos_token_id: 0,
    eos_token_id: 1,
  }),
);

function contents(changes: Partial<ModelContents> = {}): ModelContents {
  return {
    config: CONFIG,
    tensors: weightSpecs(CONFIG).map(({ name, shape }) => ({
      name,
      shape,
      read: async () => Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => i / 7),
    })),
    sideFiles: makeWordLevelTokenizer({
      words: ['yes', 'no'],
      specialTokens: ['<bos>', '<eos>'],
      bosToken: '<bos>',
      eosToken: '<eos>',
    }),
    ...changes,
  };
}

async function errorOf(opening: Promise<unknown>): Promise<ToolError> {
  const error = await opening.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ToolError);
  return error as ToolError;
}

describe('saveModelDirectory', () => {
  it('writes what openModelDirectory reads, with a manifest that verifies', async () => {
    const path = join(temporaryFolder(), 'out', 'model');
    await saveModelDirectory(path, contents());
    const model = await openModelDirectory(path);
    expect(model.config).toEqual(CONFIG);
    expect(model.stopIds).toEqual([1]);
    expect(model.tokenizer.encode('yes no')).toEqual([2, 3]);
    expect([...(await model.weights.readF32('model.embed_tokens.weight'))]).toEqual([
      ...Float32Array.from({ length: 16 }, (_, i) => i / 7),
    ]);
    expect((await verifyDirectory(path)).faults).toEqual([]);
    expect(JSON.parse(readFileSync(join(path, 'generation_config.json'), 'utf8'))).toEqual({
      bos_token_id: 0,
      eos_token_id: 1,
    });
  });

  it('adds the end tokens of generation_config.json to those of the config', async () => {
    const path = join(temporaryFolder(), 'model');
    await saveModelDirectory(path, contents({ generationConfig: { eos_token_id: [3, 1] } }));
    expect((await openModelDirectory(path)).stopIds).toEqual([1, 3]);
  });

  it('refuses to overwrite a model unless told to', async () => {
    const path = join(temporaryFolder(), 'model');
    await saveModelDirectory(path, contents());
    expect((await errorOf(saveModelDirectory(path, contents()))).message).toContain(
      'a new directory, got one that exists',
    );
    const changed = contents().tensors.map(({ name, shape }) => ({
      name,
      shape,
      read: async () => new Float32Array(shape.reduce((a, b) => a * b)).fill(7),
    }));
    await saveModelDirectory(path, contents({ tensors: changed }), { replace: true });
    expect([...(await (await openModelDirectory(path)).weights.readF32('model.norm.weight'))]).toEqual([7, 7, 7, 7]);
  });

  it('leaves nothing behind when a tensor cannot be read', async () => {
    const folder = temporaryFolder();
    const lost = { name: 'w', shape: [1], read: () => Promise.reject(new Error('device lost')) };
    await expect(saveModelDirectory(join(folder, 'model'), contents({ tensors: [lost] }))).rejects.toThrow(
      'device lost',
    );
    expect((await errorOf(openModelDirectory(join(folder, 'model')))).code).toBe('config');
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('openModelDirectory', () => {
  async function saved(): Promise<string> {
    const path = join(temporaryFolder(), 'model');
    await saveModelDirectory(path, contents());
    return path;
  }

  it.each([
    ['the directory', '', 'config', 'a directory, got no such file'],
    ['config.json', 'config.json', 'config', 'expected config.json, got no such file'],
    ['the weights', 'model.safetensors', 'config', 'expected model.safetensors, got no weights'],
    ['the tokenizer', 'tokenizer.json', 'config', 'expected tokenizer.json, got no tokenizer'],
  ])('says that %s is missing', async (_, name, code, part) => {
    const path = await saved();
    rmSync(join(path, name), { recursive: true });
    const error = await errorOf(openModelDirectory(path));
    expect(error.code).toBe(code);
    expect(error.message).toContain(part);
    expect(error.message.split('\n')).toHaveLength(1);
  });

  it.each([
    ['config.json', 'config.json: expected'],
    ['model.safetensors', 'model.safetensors: expected'],
    ['tokenizer.json', 'tokenizer.json: expected'],
    ['tokenizer_config.json', 'tokenizer_config.json: expected'],
    ['generation_config.json', 'generation_config.json: expected'],
  ])('says that %s is truncated, wherever it was cut', async (name, part) => {
    const path = await saved();
    const full = readFileSync(join(path, name));
    for (const share of [0, 0.1, 0.5, 0.9]) {
      writeFileSync(join(path, name), full);
      truncateSync(join(path, name), Math.floor(full.byteLength * share));
      const error = await errorOf(openModelDirectory(path));
      expect(error.code).toBe('corrupt');
      expect(error.message).toContain(part);
    }
  });

  it('refuses a tokenizer whose ids exceed the embedding', async () => {
    const path = join(temporaryFolder(), 'model');
    const sideFiles = makeWordLevelTokenizer({ words: ['a', 'b', 'c', 'd', 'e'], specialTokens: [] });
    await saveModelDirectory(path, contents({ sideFiles }));
    const error = await errorOf(openModelDirectory(path));
    expect(error.code).toBe('corrupt');
    expect(error.message).toContain('ids below the model\'s vocab_size 4, got id 4 for "e"');
  });

  it('recognises a pickle', async () => {
    const path = await saved();
    rmSync(join(path, 'model.safetensors'));
    writeFileSync(join(path, 'consolidated.00.pth'), '');
    const error = await errorOf(openModelDirectory(path));
    expect(error.code).toBe('config');
    expect(error.message).toContain('consolidated.00.pth, a pickle file');
  });

  const stories = sharedData('models/stories260K');
  it.skipIf(!stories.isPresent)('saves stories260K with equal tensor bits and equal tokenizer bytes', async () => {
    const source = await openModelDirectory(stories.path);
    const tensors = source.weights.names.map((name) => ({
      name,
      shape: source.weights.entry(name).shape,
      read: () => source.weights.readF32(name),
    }));
    const path = join(temporaryFolder(), 'copy');
    const sideFiles = await readSideFiles(source.files);
    await saveModelDirectory(path, { config: source.config, tensors, sideFiles });
    const copy = await openModelDirectory(path);
    expect(copy.config).toEqual(source.config);
    expect(copy.weights.names).toHaveLength(47);
    for (const name of source.weights.names) {
      expect(copy.weights.entry(name).shape).toEqual(source.weights.entry(name).shape);
      expect(await copy.weights.readF32(name)).toEqual(await source.weights.readF32(name));
    }
    for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
      expect(readFileSync(join(path, name)).equals(readFileSync(join(stories.path, name)))).toBe(true);
    }
  });

  it.skipIf(!stories.isPresent)('refuses stories260K when its weights are truncated', async () => {
    const path = join(temporaryFolder(), 'model');
    cpSync(stories.path, path, { recursive: true });
    const weights = readFileSync(join(stories.path, 'model.safetensors'));
    rmSync(join(path, 'model.safetensors'), { force: true });
    writeFileSync(join(path, 'model.safetensors'), weights.subarray(0, weights.byteLength - 1));
    const error = await errorOf(openModelDirectory(path));
    expect(error.code).toBe('corrupt');
    expect(error.message).toContain('The file is truncated');
  });
});
