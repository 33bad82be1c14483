import type { TuneCase, TuneResult } from '@dawngrad/tensor';
import { describeTuneCase } from './tune-cases.ts';

/** One shape's candidates as a table, the fastest first, and what won by how much. */
export function tuneText(tuneCase: TuneCase, { times, pick, clock, matmulClass }: TuneResult): string {
  const flops = 2 * tuneCase.m * tuneCase.n * tuneCase.k;
  const rows = times.map(({ candidate, microseconds, minMicroseconds, refused }) => [
    candidate,
    Number.isNaN(microseconds) ? '-' : microseconds.toFixed(1),
    Number.isNaN(minMicroseconds) ? '-' : minMicroseconds.toFixed(1),
    Number.isNaN(microseconds) ? '-' : (flops / microseconds / 1e3).toFixed(1),
    refused === undefined
      ? [candidate === pick.candidate ? 'pick' : '', candidate === pick.staticCandidate ? 'static choice' : '']
          .filter((mark) => mark !== '')
          .join(', ')
      : `refused: ${refused}`,
  ]);
  const table = [['candidate', 'us', 'least us', 'GFLOP/s', ''], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const lines = table.map((row) =>
    row
      .map((cell, i) => (i === 0 || i === 4 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
  const gain = pick.staticMicroseconds / pick.microseconds;
  const verdict =
    pick.candidate === pick.staticCandidate
      ? 'the static choice stays'
      : `${pick.candidate} is ${gain.toFixed(2)} times as fast as the static choice`;
  return `${describeTuneCase(tuneCase)} (class ${matmulClass}; ${clock} clock): ${verdict}\n${lines.join('\n')}\n`;
}
