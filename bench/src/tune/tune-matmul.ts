import { tuneMatmul } from '@dawngrad/tensor';
import type { Job } from '../job.ts';
import type { Finding } from '../row.ts';
import { summarise } from '../statistics.ts';

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

/** The engine's own tuner over every candidate of a matmul: times of each, the static choice and the tuner's pick. */
export const matmulTuneJobs: readonly Job[] = CASES.map((matmulCase) => {
  const { m, n, k, layout, isQuick = false } = matmulCase;
  const name = `tune matmul f32 ${layout} ${m}x${n}x${k}`;
  return {
    suite: 'tune',
    name,
    isQuick,
    isLarge: false,
    run: async ({ device, effort, note }) => {
      const [transA, transB] = [layout[0] === 'T', layout[1] === 'T'];
      const { times, pick } = await tuneMatmul(
        device,
        { m, n, k, transA, transB },
        { anyOrder: true, rounds: effort.maxRuns, seconds: effort.seconds },
      );
      for (const { candidate, refused } of times) if (refused !== undefined) note(`${candidate}: refused, ${refused}`);
      return times
        .filter(({ samples }) => samples.length > 0)
        .map(
          ({ candidate, samples, microseconds }): Finding => ({
            name: `${name}: ${candidate}`,
            params: { m, n, k, transA, transB, dtype: 'f32', candidate },
            library: 'dawngrad',
            time: summarise(samples.map((time) => time / 1000)),
            work: { flops: 2 * m * n * k, bytes: 4 * (m * k + k * n + m * n) },
            details: {
              is_static_choice: candidate === pick.staticCandidate,
              is_pick: candidate === pick.candidate,
              times_static_choice: pick.staticMicroseconds / microseconds,
            },
          }),
        );
    },
  };
});
