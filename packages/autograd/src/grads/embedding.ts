import {
  cast,
  type EmbeddingAttrs,
  indexAdd,
  scatterAddIntoBlocks,
  slice,
  type TableBlock,
  type Tensor,
  zeros,
} from '@dawngrad/tensor';
import type { Gradient } from '../gradient.ts';

/** dTable[ids[n]] += dy[n], block by block; straight into the gradient arena where a block is a parameter. */
export const embeddingGradient: Gradient<EmbeddingAttrs> = {
  fused: true,
  apply: ({ dy, inputs, attrs, into, needs }) => {
    const tables = inputs.slice(0, -1);
    const ids = inputs[inputs.length - 1]!;
    const wanted: TableBlock[] = [];
    let first = 0;
    const gradients = tables.map((table, i) => {
      const destination = into(i);
      const dTable = destination ?? (needs[i] ? zeros(table.device, table.shape, 'autograd/embedding') : undefined);
      if (dTable !== undefined && dTable.size > 0) wanted.push({ first, dTable });
      first += table.shape[0]!;
      return destination === undefined ? dTable : 'added';
    });
    // Of a table that is given out in 16 bits.
    const d = dy[0]!.dtype === 'f32' ? dy[0]! : cast(dy[0]!, 'f32');
    scatterAddIntoBlocks(wanted, first, d, ids, attrs.groups);
    return [...gradients, undefined];
  },
  composed: ({ dy, inputs, needs }) => {
    const tables = inputs.slice(0, -1);
    const ids = inputs[inputs.length - 1]!;
    const rows = tables.reduce((sum, { shape }) => sum + shape[0]!, 0);
    const [first] = tables as [Tensor];
    const total = indexAdd(zeros(first.device, [rows, first.shape[1]!], 'autograd/embedding'), 0, ids, dy[0]!);
    if (tables.length === 1) return [total, undefined];
    let end = 0;
    const parts = tables.map((table, i) => {
      end += table.shape[0]!;
      return needs[i] ? slice(total, 0, end - table.shape[0]!, end) : undefined;
    });
    return [...parts, undefined];
  },
};
