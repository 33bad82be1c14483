import type { KernelBinding } from '../gpu/kernel.ts';
import { declareSums, entry, places, storeSums, tileConstants } from './matmul-entry.wgsl.ts';
import { COMPONENTS, range } from './matmul-operand.wgsl.ts';
import type { MatmulSpec } from './matmul-spec.ts';
import { F16_SCALE, WEIGHT_BLOCK } from './matmul-weight.wgsl.ts';

/*
 * A product of one or two rows with q4_0 weights on a CPU driver, as in decoding: a thread makes four columns of C,
 * and a turn of the loop takes a whole block of each of its rows of B: one load of 16 bytes and one of the scale,
 * where a register tile loads each word twice and the scale eight times. Values and the order of their sums are the
 * same, and so are the bits. Measured on lavapipe (Mesa 26.1, the shapes of Qwen2.5-0.5B) a row takes 0.7 of the
 * time, two rows 0.6. Wider formats gained nothing: there loads of one word are no bottleneck.
 */

/** Steps of k of a turn of the loop: a block. */
export const STREAM_DEPTH = WEIGHT_BLOCK.q4_0;

/** B, a block of codes an element, and its scales. */
export function streamBindings(): KernelBinding[] {
  return [
    { name: 'b', access: 'read', element: 'vec4<u32>' },
    { name: 'scales', access: 'read', element: 'u32' },
  ];
}

/** The values 4q ... 4q + 3 of a block: byte j has value j low and value j + 16 high. */
function valuesOf(q: number): string {
  const shifts = [0, 8, 16, 24].map((byte) => `${byte + (q < 4 ? 0 : 4)}u`);
  return `(vec4f((vec4u(codes.${COMPONENTS[q % 4]}) >> vec4u(${shifts.join(', ')})) & vec4u(15u)) - 8.0) * scale`;
}

export function streamBody(spec: MatmulSpec): string {
  const { rows, runs } = places(spec);
  const columns = runs.flatMap((run) => range(4).map((x) => `min(${run} + ${x}u, params.n - 1u)`));
  const steps = range(STREAM_DEPTH / 4);
  const rowValues = rows.flatMap((_, i) => steps.map((q) => `let x${i}_${q} = a[a_at${i} + k / 4u + ${q}u];`));
  const columnOf = (c: number): string => {
    const products = (q: number): string[] =>
      rows.flatMap((_, i) => {
        const sum = `sum${i}_${Math.floor(c / 4)}.${COMPONENTS[c % 4]}`;
        return range(4).map((u) => `${sum} = fma(x${i}_${q}.${COMPONENTS[u]}, w${q}.${COMPONENTS[u]}, ${sum});`);
      });
    return `{
      let block = block_at${c} + k / ${STREAM_DEPTH}u;
      let codes = b[block];
      let scale = scale_of(block);
      ${steps.flatMap((q) => [`let w${q} = ${valuesOf(q)};`, ...products(q)]).join('\n      ')}
    }`;
  };
  return `${tileConstants(spec)}${F16_SCALE}
${entry(spec, [{ name: 'a', contiguous: 'k', vector: 4 }])}${rows
  .map((row, i) => `\n  let a_at${i} = base_a + min(${row}, params.m - 1u) * ld_a;`)
  .join('')}${columns
  .map((column, c) => `\n  let block_at${c} = ${column} * (params.ldb / ${STREAM_DEPTH}u);`)
  .join('')}${declareSums(spec)}
  for (var k = k_first; k < k_last; k += ${STREAM_DEPTH}u) {
    ${rowValues.join('\n    ')}
    ${columns.map((_, c) => columnOf(c)).join('\n    ')}
  }${storeSums(spec)}
}
`;
}
