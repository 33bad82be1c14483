import { ToolError } from '@dawngrad/tensor';
import type { DecoderModel } from '../decoder/decoder-model.ts';

/** How much a generation does at a time. */
export interface BatchPlan {
  /** Sequences that are decoded together. */
  readonly slots: number;
  /** Prompt tokens that go through the model together. */
  readonly promptRows: number;
}

/** Past this, more sequences at once no longer make a step cheaper a token. */
const MOST_SLOTS = { cpu: 512, gpu: 1024 } as const;
const MOST_PROMPT_ROWS = 4096;
/** Shares of the memory that is still free. As the cache shrinks its copies take up to its size once more. */
const SLOT_SHARE = 1 / 3;
const PROMPT_SHARE = 1 / 4;

/**
 * As much at a time as there is, as pays off, and as memory and bindings hold.
 *
 * @param samples sequences to decode in all
 * @param capacity cache rows of a sequence
 * @param wantedSlots slots that the caller asks for, if any
 */
export function planBatches(
  model: DecoderModel,
  samples: number,
  capacity: number,
  wantedSlots: number | undefined,
): BatchPlan {
  const { device, config } = model;
  const rowBytes = 4 * config.numKeyValueHeads * config.headDim;
  const activationBytes =
    4 * (6 * config.hiddenSize + 4 * config.numAttentionHeads * config.headDim + 3 * config.intermediateSize);
  const cachedRowBytes = 2 * config.numHiddenLayers * rowBytes;
  const slotBytes = cachedRowBytes * capacity + activationBytes + 4 * config.vocabSize;
  const { budgetBytes, liveBytes } = device.memory;
  const freeBytes = Math.max(0, budgetBytes - liveBytes);
  // Cache kernels take fewer than 2^31 numbers.
  const bindingBytes = Math.min(device.limits.maxStorageBufferBindingSize, 4 * (2 ** 31 - 1));
  const byMemory = Math.floor((SLOT_SHARE * freeBytes) / slotBytes);
  const byBinding = Math.floor(bindingBytes / Math.max(capacity * rowBytes, 4 * config.vocabSize));
  if (byMemory < 1 || byBinding < 1) {
    const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(2)} MiB`;
    throw new ToolError('limit', {
      op: 'generate',
      expected: `room for a sequence of ${capacity} tokens, ${mebibytes(slotBytes / SLOT_SHARE)}`,
      got: `${mebibytes(freeBytes)} free, bindings of at most ${mebibytes(bindingBytes)}`,
      hint: 'lower maxNewTokens or raise the memory budget.',
    });
  }
  return {
    slots: Math.min(samples, wantedSlots ?? Math.min(MOST_SLOTS[device.adapterClass], byMemory, byBinding)),
    promptRows: Math.min(
      MOST_PROMPT_ROWS,
      Math.max(1, Math.floor((PROMPT_SHARE * freeBytes) / (cachedRowBytes + activationBytes))),
    ),
  };
}
