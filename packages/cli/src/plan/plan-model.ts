import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PlannedModel } from '@dawngrad/airl';
import {
  type DecoderConfig,
  knownModel,
  knownModelIds,
  parseDecoderConfig,
  parseStrictJsonObject,
} from '@dawngrad/models';
import { ToolError } from '@dawngrad/tensor';
import { criticFolder, modelFolder } from '../run/model-folder.ts';

const STORED: Readonly<Record<string, PlannedModel['stored']>> = {
  float32: 'f32',
  float16: 'f16',
  bfloat16: 'bf16',
};

export interface PlanModel {
  readonly config: DecoderConfig;
  readonly stored: PlannedModel['stored'];
}

/** The shape of a model: of a folder with config.json, or of a published one by its name. Nothing is downloaded. */
export async function planModel(name: string, role: 'policy' | 'critic'): Promise<PlanModel> {
  if (existsSync(name)) return folderModel(await (role === 'critic' ? criticFolder : modelFolder)(name));
  const id = name.replace(/^hf:\/\//, '').split('@')[0] as string;
  const config = knownModel(id);
  // Published models of these families are in bf16.
  if (config !== undefined) return { config, stored: 'bf16' };
  throw new ToolError('config', {
    op: `${role}.model`,
    expected: 'a folder with config.json, or the name of a known model',
    got: name,
    hint: `known are ${knownModelIds().join(', ')}; of any other, its config.json in a folder is enough.`,
  });
}

function folderModel(folder: string): PlanModel {
  const path = join(folder, 'config.json');
  if (!existsSync(path)) {
    const isAdapter = existsSync(join(folder, 'adapter_config.json'));
    throw new ToolError('config', {
      op: folder,
      expected: 'a folder with config.json',
      got: isAdapter ? 'an adapter' : 'none',
      ...(isAdapter ? { hint: 'name its base, and its rank as policy.lora.rank.' } : {}),
    });
  }
  const text = readFileSync(path, 'utf8');
  const { torch_dtype, dtype = torch_dtype } = parseStrictJsonObject(path, text, { maxDepth: 32, maxKeys: 10_000 });
  return { config: parseDecoderConfig(text, path), stored: STORED[String(dtype)] ?? 'f32' };
}
