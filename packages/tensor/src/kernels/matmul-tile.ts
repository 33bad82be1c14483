import type { MatmulArithmetic, MatmulTile } from './matmul-spec.ts';

/** A name that stands for the tile: no two tiles share one. */
export function nameTile({ memory, rows, columns, lanesM, lanesN, lanesK, depth, matrix }: MatmulTile): string {
  const lanes = lanesK === 1 ? `${lanesM}x${lanesN}` : `${lanesM}x${lanesN}x${lanesK}`;
  return `${memory}-${rows}x${columns}-${lanes}${memory === 'workgroup' || memory === 'stream' || matrix ? `-${depth}` : ''}${matrix ? `-${matrix.component}-${matrix.m}x${matrix.n}x${matrix.k}` : ''}`;
}

export function threadsOf({ lanesM, lanesN, lanesK }: MatmulTile): number {
  return lanesM * lanesN * lanesK;
}

/**
 * The grid dimension along M. Workgroups next to each other in x run at the same time or soon after: they
 * should share the operand that lanes read apart, which is the dear one of the two.
 */
export function rowAxis(tile: MatmulTile): 'x' | 'y' {
  return tile.lanesM === 1 ? 'x' : 'y';
}

/** The kernels that share the code that could be wrong: `registers`, `registers-shared-k`, `matrix-f16`, `workgroup-split`... */
export function matmulFamily(
  { tile, splits }: { readonly tile: MatmulTile; readonly splits: number },
  arithmetic: MatmulArithmetic,
): string {
  return [
    tile.memory,
    ...(tile.matrix === undefined ? (arithmetic === 'f16' ? ['f16'] : []) : [tile.matrix.component]),
    ...(tile.lanesK > 1 && tile.matrix === undefined ? ['shared-k'] : []),
    ...(splits > 1 ? ['split'] : []),
  ].join('-');
}
