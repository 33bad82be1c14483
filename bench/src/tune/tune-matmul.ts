import {
  type Device,
  type MatmulSize,
  type MatmulVariant,
  matmul,
  matmulCandidates,
  matmulCapabilities,
  planMatmul,
  scope,
  setMatmulChooser,
} from '@dawngrad/tensor';
import type { Job } from '../job.ts';
import type { Finding } from '../row.ts';
import { disposeAll, randomTensor } from '../values.ts';
import { timeLanes } from './time-lanes.ts';

interface MatmulCase {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly layout: 'NN' | 'NT' | 'TN' | 'TT';
  readonly isQuick?: boolean;
}

/** Large and square, odd, thin, and the three of a linear of a training step. */
const CASES: readonly MatmulCase[] = [
  { m: 256, n: 256, k: 256, layout: 'NN', isQuick: true },
  { m: 512, n: 512, k: 512, layout: 'NN' },
  { m: 512, n: 512, k: 512, layout: 'TN' },
  { m: 1024, n: 1024, k: 1024, layout: 'NN' },
  { m: 509, n: 509, k: 509, layout: 'NN' },
  { m: 1000, n: 513, k: 37, layout: 'NN' },
  { m: 4096, n: 64, k: 64, layout: 'NN' },
  { m: 64, n: 64, k: 4096, layout: 'TN' },
  { m: 1, n: 2048, k: 1024, layout: 'NT' },
  { m: 16, n: 2048, k: 1024, layout: 'NT' },
  { m: 2048, n: 688, k: 256, layout: 'NT' },
  { m: 688, n: 256, k: 2048, layout: 'TN' },
];

/** Every candidate of a matmul, with the one that the static choice takes. */
export const matmulTuneJobs: readonly Job[] = CASES.map((matmulCase) => {
  const { m, n, k, layout, isQuick = false } = matmulCase;
  const name = `tune matmul f32 ${layout} ${m}x${n}x${k}`;
  return {
    suite: 'tune',
    name,
    isQuick,
    isLarge: false,
    run: async ({ device, effort }) => {
      const [transA, transB] = [layout[0] === 'T', layout[1] === 'T'];
      const a = randomTensor(device, transA ? [k, m] : [m, k], 1);
      const b = randomTensor(device, transB ? [n, k] : [k, n], 2);
      const run = (): void => void matmul(a, b, { transA, transB });
      try {
        const { candidates, chosen } = candidatesOf(device, run);
        const times = await timeLanes(
          device,
          candidates.map((id) => () => {
            setMatmulChooser(device, () => id);
            run();
          }),
          effort,
          'device',
        );
        const best = Math.min(...times.map(({ median }) => median));
        const ofChosen = times[candidates.indexOf(chosen)]!.median;
        return candidates.map(
          (id, i): Finding => ({
            name: `${name}: ${id}`,
            params: { m, n, k, transA, transB, dtype: 'f32', candidate: id },
            library: 'dawngrad',
            time: times[i]!,
            work: { flops: 2 * m * n * k, bytes: 4 * (m * k + k * n + m * n) },
            details: {
              is_static_choice: id === chosen,
              is_fastest: times[i]!.median === best,
              times_static_choice: ofChosen / times[i]!.median,
            },
          }),
        );
      } finally {
        setMatmulChooser(device, undefined);
        disposeAll([a, b])();
      }
    },
  };
});

/** The ids of what a matmul may be run by, and of what it is run by. */
function candidatesOf(device: Device, run: () => void): { candidates: string[]; chosen: string } {
  let seen: { size: MatmulSize; variant: MatmulVariant } | undefined;
  setMatmulChooser(device, (size, variant) => {
    seen = { size, variant };
    return undefined;
  });
  scope(run);
  const { size, variant } = seen!;
  const capabilities = matmulCapabilities(device);
  return {
    candidates: matmulCandidates(size, variant, capabilities).map(({ id }) => id),
    chosen: planMatmul(size, { ...variant, capabilities }).variant,
  };
}
