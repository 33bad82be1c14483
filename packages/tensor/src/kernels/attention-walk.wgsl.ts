import { asVector, vectorType } from './attention-heads.wgsl.ts';
import { type AttentionTile, each } from './attention-tile.wgsl.ts';

/** Head vectors that every thread of the workgroup walks over. */
interface WalkedRows {
  readonly buffer: string;
  /** WGSL for the base of the head vector of row `j`, in binding elements. */
  readonly row: (j: string) => string;
}

/** A number for each walked row, such as a log-sum-exp. */
interface WalkedScalar {
  readonly buffer: string;
  readonly element: string;
  readonly at: (j: string) => string;
}

/** The text of a walk: where its values come from depends on the tile, the body does not. */
interface Walk {
  readonly declarations: string;
  /** Runs `body` with `j` = the first row of a step, for rows from `from` to `to`. */
  loop(from: string, to: string, body: string): string;
  /** Chunk `chunk` of row j + `step` of a head vector. */
  read(buffer: string, step: number, chunk: number): string;
  /** The scalar of row j + `step`. */
  scalar(buffer: string, step: number): string;
}

/**
 * Rows past the last are read as the last, so that no index leaves the buffers; the body masks them.
 * The kernel defines `lane` before the loop. The bounds must be the same for the whole workgroup.
 */
export function walkRows(
  tile: AttentionTile,
  rows: readonly WalkedRows[],
  scalars: readonly WalkedScalar[] = [],
): Walk {
  return tile.staged > 0 ? stagedWalk(tile, rows, scalars) : directWalk(tile, rows, scalars);
}

function directWalk(tile: AttentionTile, rows: readonly WalkedRows[], scalars: readonly WalkedScalar[]): Walk {
  return {
    declarations: '',
    loop: (from, to, body) => `
  let walkEnd = ${to};
  for (var j = ${from}; j <= walkEnd; j += ${tile.step}u) {
${each(
  tile.step,
  (u) => `    let j${u} = min(j + ${u}u, walkEnd);
${rows.map(({ buffer, row }) => `    let ${buffer}At${u} = ${row(`j${u}`)};`).join('\n')}
${scalars.map(({ buffer, at }) => `    let ${buffer}Of${u} = ${buffer}[${at(`j${u}`)}];`).join('\n')}`,
)}
${body}
  }`,
    read: (buffer, u, c) => asVector(tile, `load_${buffer}(${buffer}At${u}, ${c}u)`),
    scalar: (buffer, u) => `${buffer}Of${u}`,
  };
}

function stagedWalk(tile: AttentionTile, rows: readonly WalkedRows[], scalars: readonly WalkedScalar[]): Walk {
  const { staged, chunks, step, threads } = tile;
  const tiles = rows.map(
    ({ buffer }) => `var<workgroup> ${buffer}Tile: array<${vectorType(tile)}, ${staged * chunks}>;`,
  );
  const lists = scalars.map(({ buffer, element }) => `var<workgroup> ${buffer}Tile: array<${element}, ${staged}>;`);
  return {
    declarations: [...tiles, ...lists, ''].join('\n'),
    loop: (from, to, body) => `
  let walkEnd = ${to};
  for (var tileStart = ${from}; tileStart <= walkEnd; tileStart += ${staged}u) {
    workgroupBarrier();
    for (var x = lane; x < ${staged * chunks}u; x += ${threads}u) {
      let source = min(tileStart + x / ${chunks}u, walkEnd);
      let chunk = x % ${chunks}u;
${rows.map(({ buffer, row }) => `      ${buffer}Tile[x] = ${asVector(tile, `load_${buffer}(${row('source')}, chunk)`)};`).join('\n')}
    }
${scalars.map(({ buffer, at }) => `    for (var x = lane; x < ${staged}u; x += ${threads}u) { ${buffer}Tile[x] = ${buffer}[${at('min(tileStart + x, walkEnd)')}]; }`).join('\n')}
    workgroupBarrier();
    let tileEnd = min(tileStart + ${staged}u, walkEnd + 1u);
    for (var j = tileStart; j < tileEnd; j += ${step}u) {
      let slot = j - tileStart;
${body}
    }
  }`,
    read: (buffer, u, c) => `${buffer}Tile[(slot + ${u}u) * ${chunks}u + ${c}u]`,
    scalar: (buffer, u) => `${buffer}Tile[slot + ${u}u]`,
  };
}
