import { scatterAddInto, type Tensor, zeros } from '@dawngrad/tensor';
import type { Gradient } from '../gradient.ts';

/** dTable[ids[n]] += dy[n]; straight into the gradient arena where the table is a parameter. */
export const embeddingGradient: Gradient<undefined> = {
  fused: true,
  apply: ({ dy, inputs, into }) => {
    const [table, ids] = inputs as [Tensor, Tensor];
    const destination = into(0);
    if (destination !== undefined) {
      scatterAddInto(destination, dy[0]!, ids);
      return ['added', undefined];
    }
    const gradient = zeros(table.device, table.shape, 'autograd/embedding');
    scatterAddInto(gradient, dy[0]!, ids);
    return [gradient, undefined];
  },
};
