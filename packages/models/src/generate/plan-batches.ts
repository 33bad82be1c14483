import { ToolError } from '@dawngrad/tensor';
import type { DecoderModel } from '../decoder/decoder-model.ts';
import type { CacheDType } from './kv-cache.ts';

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

/** What is to be decoded. */
interface BatchDemand {
  /** Sequences in all. */
  readonly samples: number;
  /** Cache rows of a sequence. */
  readonly capacity: number;
  /** Slots that the caller asks for, if any. */
  readonly wantedSlots: number | undefined;
  readonly cacheDType: CacheDType;
}

/** As much at a time as there is, as pays off, and as memory and bindings hold. */
export function planBatches(
  model: DecoderModel,
  { samples, capacity, wantedSlots, cacheDType }: BatchDemand,
): BatchPlan {
  const { device, config } = model;
  const rowNumbers = config.numKeyValueHeads * config.headDim;
  const rowBytes = (cacheDType === 'f32' ? 4 : 2) * rowNumbers;
  const activationBytes =
    4 * (6 * config.hiddenSize + 4 * config.numAttentionHeads * config.headDim + 3 * config.intermediateSize);
  const slotBytes = 2 * config.numHiddenLayers * rowBytes * capacity + activationBytes + 4 * config.vocabSize;
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
  // What a prompt leaves for the cache waits in f32.
  const promptRowBytes = 8 * config.numHiddenLayers * rowNumbers + activationBytes;
  return {
    slots: Math.min(samples, wantedSlots ?? Math.min(MOST_SLOTS[device.adapterClass], byMemory, byBinding)),
    promptRows: Math.min(MOST_PROMPT_ROWS, Math.max(1, Math.floor((PROMPT_SHARE * freeBytes) / promptRowBytes))),
  };
}
