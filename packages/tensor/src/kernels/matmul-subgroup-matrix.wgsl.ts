import { entry, head } from './matmul-entry.wgsl.ts';
import { matmulOperands, range } from './matmul-operand.wgsl.ts';
import type { MatmulSpec, SubgroupMatrix } from './matmul-spec.ts';
import { type Staging, stage } from './matmul-workgroup.wgsl.ts';

/**
 * Each subgroup makes rows x columns values of C as a block of subgroup matrices. Both operands are staged in
 * workgroup memory in the component type of the matrices, a step of k after the other, and so is C, where the
 * epilogue finds it. A workgroup has threads for lanesM x lanesN of the largest subgroups that the adapter has;
 * where it runs smaller ones, those left over only help to stage. The sum is f32; with f16 components each
 * operand is rounded to f16 first, and a value beyond 65,504 becomes infinite.
 */
export function subgroupMatrixBody(spec: MatmulSpec): string {
  const { tile } = spec;
  const matrix = tile.matrix!;
  const { component, m, n, k } = matrix;
  const [a, b] = matmulOperands(spec);
  const [tileM, tileN] = [tile.rows * tile.lanesM, tile.columns * tile.lanesN];
  const [tall, wide] = [range(tile.rows / m), range(tile.columns / n)];
  const staging = (name: 'a' | 'b', extent: number): Staging => ({
    runs: `${extent / 4}u`,
    threads: 'LANES_M * LANES_N * LANES_K',
    fillsUp: true,
    keep: (step, run, values) => {
      const at = (x: number) => `staged_${name}[(${step}) * ${extent}u + ${run} * 4u + ${x}u]`;
      return `{ let values = ${values}; ${range(4)
        .map((x) => `${at(x)} = ${component}(values[${x}]);`)
        .join(' ')} }`;
    },
  });
  const { load, store } = spelled(matrix);
  return `
override DEPTH: u32;
var<workgroup> staged_a: array<${component}, DEPTH * ${tileM}u>;
var<workgroup> staged_b: array<${component}, DEPTH * ${tileN}u>;
var<workgroup> staged_c: array<f32, ${tileM * tileN}>;
${head(spec)}${entry(spec, [a, b])}
  let unit = thread / subgroup_width;
  let unit_row = unit / LANES_N * ${tile.rows}u;
  let unit_column = unit % LANES_N * ${tile.columns}u;
  ${tall.flatMap((i) => wide.map((j) => `var sum${i}_${j}: subgroup_matrix_result<f32, ${n}, ${m}>;`)).join('\n  ')}
  for (var k0 = k_first; k0 < k_last; k0 += DEPTH) {${stage(a, 'tile_row', staging('a', tileM))}${stage(b, 'tile_column', staging('b', tileN))}
    workgroupBarrier();
    if (unit < LANES_M * LANES_N) {
      for (var step = 0u; step < DEPTH; step += ${k}u) {
        ${tall.map((i) => `let a${i} = ${load('left', 'staged_a', `step * ${tileM}u + unit_row + ${i * m}u`, tileM)};`).join('\n        ')}
        ${wide.map((j) => `let b${j} = ${load('right', 'staged_b', `step * ${tileN}u + unit_column + ${j * n}u`, tileN)};`).join('\n        ')}
        ${tall
          .flatMap((i) =>
            wide.map((j) => `sum${i}_${j} = subgroupMatrixMultiplyAccumulate(a${i}, b${j}, sum${i}_${j});`),
          )
          .join('\n        ')}
      }
    }
    workgroupBarrier();
  }
  if (unit < LANES_M * LANES_N) {
    ${tall
      .flatMap((i) =>
        wide.map((j) => store(`(unit_row + ${i * m}u) * ${tileN}u + unit_column + ${j * n}u`, `sum${i}_${j}`, tileN)),
      )
      .join('\n    ')}
  }
  workgroupBarrier();
  for (var run = thread; run < ${(tileM * tileN) / 4}u; run += LANES_M * LANES_N * LANES_K) {
    let at = run * 4u;
    let sum = vec4f(staged_c[at], staged_c[at + 1u], staged_c[at + 2u], staged_c[at + 3u]);
    store(place.z, tile_row + at / ${tileN}u, tile_column + at % ${tileN}u, sum);
  }
}
`;
}

/** The loads and stores as this version of Dawn spells them: A is staged column after column, B row after row. */
function spelled({ component, m, n, k, spelling }: SubgroupMatrix): {
  load: (side: 'left' | 'right', from: string, at: string, stride: number) => string;
  store: (at: string, value: string, stride: number) => string;
} {
  const type = (side: 'left' | 'right') =>
    side === 'left'
      ? `subgroup_matrix_left<${component}, ${k}, ${m}>`
      : `subgroup_matrix_right<${component}, ${n}, ${k}>`;
  if (spelling === 'flag') {
    return {
      load: (side, from, at, stride) =>
        `subgroupMatrixLoad<${type(side)}>(&${from}, ${at}, ${side === 'left'}, ${stride}u)`,
      store: (at, value, stride) => `subgroupMatrixStore(&staged_c, ${at}, ${value}, false, ${stride}u);`,
    };
  }
  return {
    load: (side, from, at, stride) =>
      `subgroupMatrixLoad<${type(side)}, ${side === 'left' ? 'col_major' : 'row_major'}>(&${from}, ${at}, ${stride}u)`,
    store: (at, value, stride) => `subgroupMatrixStore<row_major>(&staged_c, ${at}, ${value}, ${stride}u);`,
  };
}
