import { CHUNK, LANES, PART_ROWS, SLOT_WORDS } from '../kernels/adafactor.wgsl.ts';
import type { TrainableArena } from './arena-set.ts';

/** Rows of work for each stage of kernels/adafactor.wgsl.ts: a slot and two numbers. */
export type AdafactorWork = Readonly<
  Record<'columnParts' | 'rows' | 'columns' | 'chunkSums' | 'totals', readonly (readonly [number, number, number])[]>
>;

/** How the parameters of an arena lie in the state, and what the workgroups of each stage do. */
export interface AdafactorLayout {
  /** Rows of `SLOT_WORDS` words. */
  readonly slots: Uint32Array<ArrayBuffer>;
  readonly slotCount: number;
  readonly work: AdafactorWork;
  /** Values of the state, of the column sums in parts, and of the chunks. */
  readonly stateSize: number;
  readonly partsSize: number;
  readonly chunkCount: number;
}

/** Matrices with both sides of at least `minSide` are factored; leading dimensions count as rows. */
export function adafactorLayout(arena: TrainableArena, minSide: number): AdafactorLayout {
  const words: number[] = [];
  const work = { columnParts: [], rows: [], columns: [], chunkSums: [], totals: [] } as {
    -readonly [stage in keyof AdafactorWork]: [number, number, number][];
  };
  let [stateSize, partsSize, chunkCount] = [0, 0, 0];
  const live = arena.slots.filter(({ size }) => size > 0);
  live.forEach(({ shape, offset, size }, slot) => {
    const columns = shape.at(-1) ?? 1;
    const rows = size / columns;
    const isFactored = shape.length >= 2 && Math.min(rows, columns) >= minSide;
    const chunks = Math.ceil(size / CHUNK);
    words.push(offset, size, rows, columns, stateSize, isFactored ? 1 : 0, partsSize, chunkCount);
    if (isFactored) {
      const parts = Math.ceil(rows / PART_ROWS);
      for (let column = 0; column < columns; column += LANES) {
        for (let part = 0; part < parts; part++) work.columnParts.push([slot, column, part]);
        work.columns.push([slot, column, 0]);
      }
      for (let row = 0; row < rows; row++) work.rows.push([slot, row, 0]);
      partsSize += parts * columns;
      stateSize += rows + columns;
    } else {
      for (let chunk = 0; chunk < chunks; chunk++) work.rows.push([slot, chunk, 0]);
      stateSize += size;
    }
    work.columns.push([slot, 0, 1]);
    for (let chunk = 0; chunk < chunks; chunk++) work.chunkSums.push([slot, chunk, 0]);
    work.totals.push([slot, chunks, 0]);
    chunkCount += chunks;
  });
  if (words.length !== live.length * SLOT_WORDS) throw new RangeError('a slot has another length in the kernels');
  return { slots: Uint32Array.from(words), slotCount: live.length, work, stateSize, partsSize, chunkCount };
}
