import { declareSums, entry, head, places, storeSums } from './matmul-entry.wgsl.ts';
import {
  declaredNames,
  declareStarts,
  declareValues,
  matmulOperands,
  range,
  valueAt,
  vectorAt,
} from './matmul-operand.wgsl.ts';
import type { MatmulSpec } from './matmul-spec.ts';

/**
 * All threads make the same rows, so they want the same values of A: each thread of a subgroup loads those of
 * other steps of k, and the subgroup passes them round. B is loaded straight, as in register tiles. How many
 * threads a subgroup has is asked at run time; any power of two will do. A workgroup is whole subgroups, or
 * less than one: then only its own threads hold values.
 */
export function subgroupBody(spec: MatmulSpec): string {
  const { tile } = spec;
  const [a, b] = matmulOperands(spec);
  const { rows, runs } = places(spec);
  const columns = runs.flatMap((run) => range(4).map((x) => `${run} + ${x}u`));
  const products = (steps: number, prefix: string) => `
      ${range(steps)
        .flatMap((u) => runs.map((_, q) => `let run${q}_${u} = ${vectorAt(b, q, u)};`))
        .join('\n      ')}
      ${runs
        .flatMap((_, q) => rows.flatMap((_, i) => range(steps).map((u) => [q, i, u] as const)))
        .map(([q, i, u]) => `sum${i}_${q} = fma(vec4f(${prefix}${valueAt(a, i, u)}), run${q}_${u}, sum${i}_${q});`)
        .join('\n      ')}`;
  return `${head(spec)}${entry(spec, [a, b])}${declareStarts(a, rows)}${declareStarts(b, columns)}${declareSums(spec)}
  let sharers = min(subgroup_width, LANES_N);
  let whole = k_first + (k_last - k_first) / 4u * 4u;
  for (var k0 = k_first; k0 < whole; k0 += 4u * sharers) {
    var k = min(k0 + subgroup_lane * 4u, whole - 4u);${declareValues(a, tile.rows, 4)}
    let holders = min(sharers, (whole - k0) / 4u);
    for (var holder = 0u; holder < holders; holder++) {
      k = k0 + holder * 4u;${declareValues(b, tile.columns, 4)}
      ${declaredNames(a, tile.rows, 4)
        .map((name) => `let shared_${name} = subgroupShuffle(${name}, holder);`)
        .join('\n      ')}${products(4, 'shared_')}
    }
  }
  for (var k = whole; k < k_last; k++) {${declareValues(a, tile.rows, 1)}${declareValues(b, tile.columns, 1)}${products(1, '')}
  }${storeSums(spec)}
}
`;
}
