import type { Shape } from '@dawngrad/tensor';
import { BLOCK_WORDS } from '../kernels/muon.wgsl.ts';
import type { ArenaSlot, TrainableArena } from './arena-set.ts';

/** Matrices of one shape, side by side from `start` on. */
export interface MatrixBatch {
  readonly rows: number;
  readonly columns: number;
  readonly matrices: number;
  readonly start: number;
}

/** Where the parameters of an arena go: matrices into batches, others into AdamW's second moment. */
export interface MuonLayout {
  readonly batches: readonly MatrixBatch[];
  readonly stagedSize: number;
  readonly secondSize: number;
  /** `BLOCK_WORDS` words for each 64 elements; see kernels/muon.wgsl.ts. */
  readonly blocks: Uint32Array;
}

/** `factor` gives the scale of a matrix's update by its shape. */
export function muonLayout(
  arena: TrainableArena,
  isMatrix: (slot: ArenaSlot) => boolean,
  factor: (shape: Shape) => number,
): MuonLayout {
  const byShape = new Map<string, ArenaSlot[]>();
  for (const slot of arena.slots.filter(isMatrix)) {
    const key = slot.shape.join('x');
    byShape.set(key, [...(byShape.get(key) ?? []), slot]);
  }
  const batches: MatrixBatch[] = [];
  const places = new Map<ArenaSlot, number>();
  let stagedSize = 0;
  for (const slots of byShape.values()) {
    const [rows, columns] = slots[0]!.shape as [number, number];
    batches.push({ rows, columns, matrices: slots.length, start: stagedSize });
    slots.forEach((slot, i) => {
      places.set(slot, stagedSize + i * rows * columns);
    });
    // The next batch starts where a binding may.
    stagedSize += Math.ceil((slots.length * rows * columns) / 64) * 64;
  }
  const words = new Uint32Array((arena.values.size / 64) * BLOCK_WORDS);
  const floats = new Float32Array(words.buffer);
  let secondSize = 0;
  for (const slot of arena.slots) {
    const { shape, offset, size } = slot;
    const place = places.get(slot);
    for (let first = 0; first < size; first += 64) {
      const at = ((offset + first) / 64) * BLOCK_WORDS;
      words.set([place === undefined ? 0 : 1, (place ?? secondSize) + first, Math.min(64, size - first)], at);
      floats[at + 3] = place === undefined ? 0 : factor(shape);
    }
    if (place === undefined) secondSize += Math.ceil(size / 64) * 64;
  }
  return { batches, stagedSize, secondSize, blocks: words };
}
