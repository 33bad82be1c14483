import { DecoderModel, type LoraOptions } from '@dawngrad/models';
import type { Device } from '@dawngrad/tensor';
import { tinyConfig, tinyPolicy } from '../train/tiny-run.ts';

const LORA: LoraOptions = { rank: 2, alpha: 4, targets: ['q_proj', 'v_proj', 'down_proj'], seed: 3 };

/** The ways to come to the same adapters over the same weights. */
export type AdapterWay = 'attached after loading' | 'attached before loading' | 'targets in another order';

/** A frozen tiny policy with adapters. */
export async function adaptedPolicy(device: Device, way: AdapterWay): Promise<DecoderModel> {
  const model = DecoderModel.create(device, tinyConfig, { trainable: false });
  const targets = way === 'targets in another order' ? [...LORA.targets].reverse() : LORA.targets;
  const attach = () => model.attachAdapters({ ...LORA, targets });
  const source = tinyPolicy(device);
  if (way === 'attached before loading') attach();
  await model.copyWeightsFrom(source);
  if (way !== 'attached before loading') attach();
  source.dispose();
  return model;
}
