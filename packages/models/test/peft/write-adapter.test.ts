import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Device } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DecoderModel } from '../../src/decoder/decoder-model.ts';
import { openModel } from '../../src/io/open-model.ts';
import { writeDirectory } from '../../src/node/atomic-directory.ts';
import { openModelDirectory, saveAdapterDirectory } from '../../src/node/model-directory.ts';
import { tinyCheckpoint } from '../io/tiny-checkpoint.ts';
import { temporaryFolder } from '../node/temporary-folder.ts';
import { tinyBase } from './tiny-adapter.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

async function saveFiles(path: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  await writeDirectory(path, { expectedBytes: 1 }, async (directory) => {
    for (const [name, bytes] of files) await directory.writeFile(name, (sink) => sink.write(bytes));
  });
}

/** Saves fresh adapters of the tiny model, for a base of the given name. */
async function saveAdapter(path: string, baseModel: string): Promise<Float32Array> {
  const model = await DecoderModel.load(device, await openModel(tinyBase()), { trainable: false });
  const adapters = model.attachAdapters({ rank: 3, alpha: 6, targets: ['q_proj', 'up_proj'], rsLora: true, seed: 4 });
  await saveAdapterDirectory(path, {
    config: { ...adapters.options, baseModel },
    tensors: adapters.tensorSources(),
    sideFiles: new Map([['LICENSE', Uint8Array.of(65)]]),
  });
  const { a } = await adapters.readUpdate('model.layers.1.mlp.up_proj');
  model.dispose();
  return a;
}

describe('saveAdapterDirectory', () => {
  it('writes what opens again with its base, found by its path', async () => {
    const folder = temporaryFolder();
    await saveFiles(join(folder, 'base'), tinyCheckpoint());
    const factor = await saveAdapter(join(folder, 'adapter'), join(folder, 'base'));
    expect(readdirSync(join(folder, 'adapter'))).toEqual([
      'LICENSE',
      'adapter_config.json',
      'adapter_model.safetensors',
      'manifest.json',
    ]);
    const json = JSON.parse(readFileSync(join(folder, 'adapter', 'adapter_config.json'), 'utf8')) as object;
    expect(json).toMatchObject({
      peft_type: 'LORA',
      r: 3,
      lora_alpha: 6,
      use_rslora: true,
      target_modules: ['q_proj', 'up_proj'],
      base_model_name_or_path: join(folder, 'base'),
    });
    const opened = await openModelDirectory(join(folder, 'adapter'));
    expect([...opened.adapter!.file.tensors.keys()]).toContain(
      'base_model.model.model.layers.1.mlp.up_proj.lora_A.weight',
    );
    const model = await DecoderModel.load(device, opened, { trainable: false });
    expect((await model.adapters!.readUpdate('model.layers.1.mlp.up_proj')).a).toEqual(factor);
    expect((await model.adapters!.readUpdate('model.layers.1.mlp.up_proj')).scale).toBeCloseTo(6 / Math.sqrt(3), 12);
    model.dispose();
  });

  it('finds the base beside the adapter, by the path given, or by whoever resolves its name', async () => {
    const folder = temporaryFolder();
    await saveFiles(join(folder, 'base'), tinyCheckpoint());
    await saveAdapter(join(folder, 'relative'), '../base');
    await saveAdapter(join(folder, 'hub'), 'org/no-such-model');
    expect((await openModelDirectory(join(folder, 'relative'))).config.hiddenSize).toBe(8);
    await expect(openModelDirectory(join(folder, 'hub'))).rejects.toThrow('"org/no-such-model", which is none');
    expect((await openModelDirectory(join(folder, 'hub'), { base: join(folder, 'base') })).adapter).toBeDefined();
    const asked: unknown[] = [];
    const resolveBase = async (...args: unknown[]): Promise<string> => {
      asked.push(args);
      return join(folder, 'base');
    };
    expect((await openModelDirectory(join(folder, 'hub'), { resolveBase })).adapter).toBeDefined();
    expect(asked).toEqual([['org/no-such-model', undefined]]);
    await expect(openModelDirectory(join(folder, 'hub'), { base: join(folder, 'none') })).rejects.toThrow(
      'expected a directory',
    );
  });
});
