import { addProducts, declareSums, entry, head, places, storeSums } from './matmul-entry.wgsl.ts';
import { declareStarts, declareValues, matmulOperands, range, valueAt, vectorAt } from './matmul-operand.wgsl.ts';
import type { MatmulSpec } from './matmul-spec.ts';
import { threadsOf } from './matmul-tile.ts';

/** Every thread loads what it needs of A and B itself. The threads along k, if there are any, share its sums. */
export function registerBody(spec: MatmulSpec): string {
  const { tile, arithmetic } = spec;
  const [a, b] = matmulOperands(spec);
  const { rows, runs } = places(spec);
  const columns = runs.flatMap((run) => range(4).map((x) => `${run} + ${x}u`));
  const inF16 = arithmetic === 'f16';
  const advance = (steps: number) => `${declareValues(a, tile.rows, steps)}${declareValues(b, tile.columns, steps)}
    ${range(steps)
      .flatMap((u) => [
        ...(inF16 ? rows.map((_, i) => `let half_a${i}_${u} = f16(${valueAt(a, i, u)});`) : []),
        ...runs.map((_, q) => `let run${q}_${u} = ${inF16 ? `vec4h(${vectorAt(b, q, u)})` : vectorAt(b, q, u)};`),
      ])
      .join('\n    ')}
    ${runs
      .flatMap((_, q) => rows.map((_, i) => [i, q] as const))
      .flatMap((at) =>
        addProducts(
          spec,
          at,
          steps,
          (i, u) => (inF16 ? `half_a${i}_${u}` : valueAt(a, i, u)),
          (q, u) => `run${q}_${u}`,
        ),
      )
      .join('\n    ')}`;
  const [first, step] = tile.lanesK === 1 ? ['', '4u'] : [' + lane_k * 4u', '4u * LANES_K'];
  // Loads of four along k come only with a K that is a multiple of 4: then nothing remains.
  const takesAnyK = [a, b].every(({ contiguous, vector }) => contiguous === 'index' || vector === 1);
  const remainder = `
  for (var k = whole${tile.lanesK === 1 ? '' : ' + lane_k'}; k < k_last; k += ${tile.lanesK === 1 ? '1u' : 'LANES_K'}) {${advance(1)}
  }`;
  return `${tile.lanesK === 1 ? '' : `var<workgroup> parts: array<vec4f, ${tile.rows * runs.length * threadsOf(tile)}>;`}
${head(spec)}${entry(spec, [a, b])}${declareStarts(a, rows)}${declareStarts(b, columns)}${declareSums(spec)}
  let whole = k_first + (k_last - k_first) / 4u * 4u;
  for (var k = k_first${first}; k < whole; k += ${step}) {${advance(4)}
  }${takesAnyK ? remainder : ''}${tile.lanesK === 1 ? '' : combineLanes(spec)}${storeSums(spec)}
}
`;
}

/** Adds the sums of the lanes along k in the same order every time; only the first of them goes on. */
function combineLanes(spec: MatmulSpec): string {
  const { tile, transB } = spec;
  const sums = range(tile.rows).flatMap((i) => range(tile.columns / 4).map((q) => `sum${i}_${q}`));
  const at = (s: number) => `parts[${s * threadsOf(tile)}u + thread]`;
  const other = (s: number) =>
    `parts[${s * threadsOf(tile)}u + thread + apart * ${transB ? '1u' : 'LANES_M * LANES_N'}]`;
  return `
  ${sums.map((sum, s) => `${at(s)} = ${sum};`).join('\n  ')}
  for (var apart = LANES_K / 2u; apart > 0u; apart /= 2u) {
    workgroupBarrier();
    if (lane_k < apart) {
      ${sums.map((sum, s) => `${sum} += ${other(s)};\n      ${at(s)} = ${sum};`).join('\n      ')}
    }
  }
  if (lane_k > 0u) { return; }`;
}
