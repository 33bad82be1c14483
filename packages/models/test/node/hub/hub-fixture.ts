import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { HubOptions } from '../../../src/node/hub/hub-session.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { HubServer, type ServedFile } from './hub-server.ts';

export const MODEL = 'tiny/model';

/** Bytes that differ from place to place, so that a part in the wrong place shows. */
export function content(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

export const large = (bytes: Buffer): ServedFile => ({ bytes, isLarge: true });

/** The files of a model, of contents that nobody reads. */
export function modelFiles(weights: Buffer = content(300_000)): Record<string, ServedFile | string> {
  return {
    '.gitattributes': '*.safetensors filter=lfs',
    'README.md': 'A model.',
    'config.json': '{"model_type": "llama"}',
    'generation_config.json': '{}',
    'model.safetensors': large(weights),
    'pytorch_model.bin': large(content(5000, 7)),
    'tokenizer.json': large(content(20_000, 3)),
    'tokenizer_config.json': '{"chat_template": "x"}',
    'original/consolidated.00.pth': large(content(5000, 9)),
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
