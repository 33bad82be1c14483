import type { AdapterConfig, TensorSource } from '@dawngrad/models';
import { saveAdapterDirectory } from '@dawngrad/models/node';

/** Writes an adapter of rank 2 for the queries and the way down of `writeTinyModel`'s model, and tensors `saved` whole. */
export async function writeTinyAdapter(
  folder: string,
  config: Partial<AdapterConfig> = {},
  saved: readonly TensorSource[] = [],
): Promise<void> {
  const factor = (name: string, shape: readonly [number, number]): TensorSource => ({
    name: `model.layers.0.${name}.weight`,
    shape,
    read: async () => Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => 0.2 * Math.cos(7.7 * i + shape[0])),
  });
  await saveAdapterDirectory(folder, {
    config: { rank: 2, alpha: 8, targets: ['q_proj', 'down_proj'], ...config },
    tensors: [
      factor('self_attn.q_proj.lora_A', [2, 16]),
      factor('self_attn.q_proj.lora_B', [16, 2]),
      factor('mlp.down_proj.lora_A', [2, 24]),
      factor('mlp.down_proj.lora_B', [16, 2]),
      ...saved,
    ],
  });
}
