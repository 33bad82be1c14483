import { addProducts, declareSums, entry, head, storeSums } from './matmul-entry.wgsl.ts';
import {
  COMPONENTS,
  declareStarts,
  declareValues,
  type MatmulOperand,
  matmulOperands,
  range,
  vectorAt,
} from './matmul-operand.wgsl.ts';
import type { MatmulSpec } from './matmul-spec.ts';

/** How staged values are kept in workgroup memory. */
export interface Staging {
  /** WGSL: runs of four indices that the workgroup has of the operand. */
  readonly runs: string;
  /** WGSL: threads of the workgroup. */
  readonly threads: string;
  /** Whether steps past the last hold zeros, for loops that take several steps whatever there are. */
  readonly fillsUp: boolean;
  /** WGSL statement that keeps the vec4f `values` of four indices at a step. */
  readonly keep: (step: string, run: string, values: string) => string;
}

/**
 * Copies an operand's part of the tile to workgroup memory. A thread takes 4 x 4 blocks; neighbours take
 * blocks that are next to each other in memory.
 */
export function stage(operand: MatmulOperand, first: string, { runs, threads, fillsUp, keep }: Staging): string {
  const [run, step] =
    operand.contiguous === 'k'
      ? ['block / (DEPTH / 4u)', 'block % (DEPTH / 4u)']
      : [`block % (${runs})`, `block / (${runs})`];
  const keepAll = (values: (u: number) => string) =>
    range(4)
      .map((u) => keep(`step + ${u}u`, 'run', values(u)))
      .join('\n        ');
  const value = (u: number) => vectorAt(operand, 0, u);
  const loaded = fillsUp ? (u: number) => `select(vec4f(), ${value(u)}, k + ${u}u < k_last)` : value;
  return `
    for (var block = thread; block < DEPTH / 4u * (${runs}); block += ${threads}) {
      let run = ${run};
      let step = (${step}) * 4u;
      let k = k0 + step;
      if (k < k_last) {${declareStarts(
        operand,
        range(4).map((x) => `${first} + run * 4u + ${x}u`),
      )}${declareValues(operand, 4, 4)}
        ${keepAll(loaded)}
      }${fillsUp ? ` else {\n        ${keepAll(() => 'vec4f()')}\n      }` : ''}
    }`;
}

/** The threads of a workgroup stage a few steps of k of both operands together. */
export function workgroupBody(spec: MatmulSpec): string {
  const { tile, arithmetic } = spec;
  const [a, b] = matmulOperands(spec);
  const [runsA, runsB] = [`LANES_M * ${tile.rows / 4}u`, `LANES_N * ${tile.columns / 4}u`];
  const element = arithmetic === 'f16' ? 'vec4h' : 'vec4f';
  const atOnce = arithmetic === 'f16' ? 4 : 1;
  const staging = (name: 'a' | 'b', runs: string): Staging => ({
    runs,
    threads: 'LANES_M * LANES_N',
    fillsUp: atOnce > 1,
    keep: (step, run, values) => `staged_${name}[(${step}) * (${runs}) + ${run}] = ${element}(${values});`,
  });
  return `
override DEPTH: u32;
var<workgroup> staged_a: array<${element}, DEPTH * ${runsA}>;
var<workgroup> staged_b: array<${element}, DEPTH * ${runsB}>;
${head(spec)}${entry(spec, [a, b])}${declareSums(spec)}
  for (var k0 = k_first; k0 < k_last; k0 += DEPTH) {${stage(a, 'tile_row', staging('a', runsA))}${stage(b, 'tile_column', staging('b', runsB))}
    workgroupBarrier();
    let steps = min(DEPTH, k_last - k0);
    for (var step = 0u; step < steps; step += ${atOnce}u) {
      ${range(atOnce)
        .flatMap((u) => [
          ...range(tile.rows / 4).map(
            (p) => `let a${p}_${u} = staged_a[(step + ${u}u) * ${runsA} + lane_m * ${tile.rows / 4}u + ${p}u];`,
          ),
          ...range(tile.columns / 4).map(
            (q) => `let b${q}_${u} = staged_b[(step + ${u}u) * ${runsB} + lane_n + ${q}u * LANES_N];`,
          ),
        ])
        .join('\n      ')}
      ${range(tile.rows)
        .flatMap((i) => range(tile.columns / 4).map((q) => [i, q] as const))
        .flatMap((at) =>
          addProducts(
            spec,
            at,
            atOnce,
            (i, u) => `a${Math.floor(i / 4)}_${u}.${COMPONENTS[i % 4]}`,
            (q, u) => `b${q}_${u}`,
          ),
        )
        .join('\n      ')}
    }
    workgroupBarrier();
  }${storeSums(spec)}
}
`;
}
