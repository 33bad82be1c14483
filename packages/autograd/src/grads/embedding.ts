import { type EmbeddingAttrs, scatterAddInto, type Tensor, zeros } from '@dawngrad/tensor';
import type { Gradient } from '../gradient.ts';

/** dTable[ids[n]] += dy[n]; straight into the gradient arena where the table is a parameter. */
export const embeddingGradient: Gradient<EmbeddingAttrs> = {
  fused: true,
  apply: ({ dy, inputs, attrs, into }) => {
    const [table, ids] = inputs as [Tensor, Tensor];
    const destination = into(0);
    if (destination !== undefined) {
      scatterAddInto(destination, dy[0]!, ids, attrs.groups);
      return ['added', undefined];
    }
    const gradient = zeros(table.device, table.shape, 'autograd/embedding');
    scatterAddInto(gradient, dy[0]!, ids, attrs.groups);
    return [gradient, undefined];
  },
};
