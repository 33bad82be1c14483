import { type EmbeddingAttrs, indexAdd, isObserved, scatterAddInto, slice, type Tensor, zeros } from '@dawngrad/tensor';
import type { Gradient } from '../gradient.ts';

/** dTable[ids[n]] += dy[n]; straight into the gradient arena where the table is a parameter. */
export const embeddingGradient: Gradient<EmbeddingAttrs> = {
  apply: ({ dy, inputs, attrs, into, needs }) => {
    const blocks = inputs.slice(0, -1);
    const ids = inputs[inputs.length - 1]!;
    const destination = blocks.length === 1 ? into(0) : undefined;
    // A tape that watches this one needs the op, not the kernel.
    if (destination !== undefined && !isObserved()) {
      scatterAddInto(destination, dy[0]!, ids, attrs.groups);
      return ['added', undefined];
    }
    const rows = blocks.reduce((sum, { shape }) => sum + shape[0]!, 0);
    const [first] = blocks as [Tensor];
    const table = zeros(first.device, [rows, first.shape[1]!], 'autograd/embedding');
    const total = indexAdd(table, 0, ids, dy[0]!);
    if (blocks.length === 1) return [total, undefined];
    let end = 0;
    const parts = blocks.map((block, i) => {
      end += block.shape[0]!;
      return needs[i] ? slice(total, 0, end - block.shape[0]!, end) : undefined;
    });
    return [...parts, undefined];
  },
};
