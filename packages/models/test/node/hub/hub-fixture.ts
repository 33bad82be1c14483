import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { HubServer, largeFile, type ServedFile, variedBytes } from '@dawngrad/models/testing';
import { onTestFinished } from 'vitest';
import type { HubOptions } from '../../../src/node/hub/hub-session.ts';
import { temporaryFolder } from '../temporary-folder.ts';

export const MODEL = 'tiny/model';

/** The files of a model, of contents that nobody reads. */
export function modelFiles(weights: Buffer = variedBytes(300_000)): Record<string, ServedFile | string> {
  return {
    '.gitattributes': '*.safetensors filter=lfs',
    'README.md': 'A model.',
    'config.json': '{"model_type": "llama"}',
    'generation_config.json': '{}',
    'model.safetensors': largeFile(weights),
    'pytorch_model.bin': largeFile(variedBytes(5000, 7)),
    'tokenizer.json': largeFile(variedBytes(20_000, 3)),
    'tokenizer_config.json': '{"chat_template": "x"}',
    'original/consolidated.00.pth': largeFile(variedBytes(5000, 9)),
  };
}

/** A hub, an empty cache, and options whose waits are recorded and take no time. */
export async function hubFixture(): Promise<{
  readonly hub: HubServer;
  readonly cache: string;
  readonly notes: string[];
  readonly waits: number[];
  readonly options: HubOptions & { readonly env: Record<string, string> };
}> {
  const hub = await HubServer.start();
  onTestFinished(() => hub.stop());
  const home = temporaryFolder();
  const notes: string[] = [];
  const waits: number[] = [];
  return {
    hub,
    cache: join(home, 'hub'),
    notes,
    waits,
    options: {
      env: { HF_HOME: home, HF_ENDPOINT: hub.url },
      onNote: (text) => notes.push(text),
      sleep: async (ms, signal) => {
        signal.throwIfAborted();
        waits.push(ms);
      },
    },
  };
}

/** Everything in a folder: files with their text's length, links with their targets. */
export function tree(folder: string, prefix = ''): string[] {
  return readdirSync(join(folder, prefix))
    .sort()
    .flatMap((name) => {
      const path = join(prefix, name);
      const stats = lstatSync(join(folder, path));
      if (stats.isDirectory()) return tree(folder, path);
      if (stats.isSymbolicLink()) return [`${path} -> ${readlinkSync(join(folder, path))}`];
      return [`${path} ${readFileSync(join(folder, path)).length}`];
    });
}
