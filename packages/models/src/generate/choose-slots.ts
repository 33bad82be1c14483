import { ToolError } from '@dawngrad/tensor';
import type { LlamaModel } from '../families/llama.ts';

/** Past this, more sequences at once no longer make a step cheaper a token. */
const MOST_SLOTS = { cpu: 256, gpu: 1024 } as const;
/** Share of the memory that is still free which decoding may take. */
const MEMORY_SHARE = 0.5;

/** How many sequences to decode at once: as many as there are, as memory and bindings hold, and as pay off. */
export function chooseSlots(model: LlamaModel, samples: number, capacity: number): number {
  const { device, config } = model;
  const cacheBytes = 4 * capacity * config.numKeyValueHeads * config.headDim;
  const logitBytes = 4 * config.vocabSize;
  const activationBytes = 4 * (8 * config.hiddenSize + 3 * config.intermediateSize);
  const slotBytes = 2 * config.numHiddenLayers * cacheBytes + 2 * logitBytes + activationBytes;
  const { budgetBytes, liveBytes } = device.memory;
  // Cache kernels index with 32 bits and take fewer than 2^31 numbers.
  const bindingBytes = Math.min(device.limits.maxStorageBufferBindingSize, 4 * (2 ** 31 - 1));
  const limits = {
    memory: Math.floor((MEMORY_SHARE * Math.max(0, budgetBytes - liveBytes)) / slotBytes),
    bindings: Math.floor(bindingBytes / Math.max(cacheBytes, logitBytes)),
  };
  if (limits.memory < 1 || limits.bindings < 1) {
    throw new ToolError('limit', {
      op: 'generate',
      expected: `room for one sequence of ${capacity} tokens (${(slotBytes / 2 ** 20).toFixed(1)} MiB)`,
      got: `${((budgetBytes - liveBytes) / 2 ** 20).toFixed(1)} MiB free, bindings of ${(bindingBytes / 2 ** 20).toFixed(1)} MiB`,
      hint: 'lower maxNewTokens or raise the memory budget.',
    });
  }
  return Math.min(samples, MOST_SLOTS[device.adapterClass], limits.memory, limits.bindings);
}
