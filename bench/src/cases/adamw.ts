import { Adamw, Parameters } from '@dawngrad/autograd';
import type { BenchCase } from '../bench-case.ts';

const COUNT = 2 ** 22;

export const adamwCases: readonly BenchCase[] = [
  {
    name: `adamw ${COUNT} parameters, clipped`,
    params: { parameters: COUNT },
    // The gradients are read once for the norm, then all four arrays are read and written.
    work: { flops: 16 * COUNT, bytes: 4 * 9 * COUNT },
    prepare: (device) => {
      const parameters = new Parameters(
        device,
        'bench/adamw',
        [{ name: 'weight', shape: [COUNT / 1024, 1024], decay: true }],
        { trainable: true },
      );
      const optimizer = new Adamw(parameters, { weightDecay: 0.1, maxNorm: 1 });
      return {
        record: () => {
          optimizer.step(1e-3);
          return [];
        },
        dispose: () => {
          optimizer.dispose();
          parameters.dispose();
        },
      };
    },
  },
];
