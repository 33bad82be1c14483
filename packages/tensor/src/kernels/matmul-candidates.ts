import { ToolError } from '../errors.ts';
import type { AdapterClass } from '../gpu/adapter.ts';
import type {
  MatmulArithmetic,
  MatmulCandidate,
  MatmulCapabilities,
  MatmulSize,
  MatmulTile,
  MatmulVariant,
  SubgroupMatrix,
} from './matmul-spec.ts';
import { STREAM_DEPTH } from './matmul-stream.wgsl.ts';
import { matmulFamily, nameTile, rowAxis, threadsOf } from './matmul-tile.ts';

/** A tile with the speed that the static choice assumes for it. */
interface RatedTile {
  readonly tile: MatmulTile;
  /** Throughput on a large matmul, relative to the best of the list. */
  readonly rate: number;
}

function registers(
  [rows, columns]: readonly [number, number],
  [lanesM, lanesN, lanesK]: readonly [number, number, number],
  rate: number,
): RatedTile {
  return { tile: { memory: 'registers', rows, columns, lanesM, lanesN, lanesK, depth: 4 }, rate };
}

function workgroup(
  [rows, columns]: readonly [number, number],
  [lanesM, lanesN]: readonly [number, number],
  depth: number,
  rate: number,
): RatedTile {
  return { tile: { memory: 'workgroup', rows, columns, lanesM, lanesN, lanesK: 1, depth }, rate };
}

/**
 * The tiles by kind of adapter. The rates of `cpu` were measured on lavapipe (Mesa 26.1.6, sizes 64 to 2048);
 * those of `gpu` are estimates from published sweeps.
 */
const TILES: Readonly<Record<AdapterClass, readonly RatedTile[]>> = {
  cpu: [
    registers([8, 16], [8, 1, 1], 1),
    registers([16, 8], [1, 8, 1], 0.98),
    registers([4, 16], [8, 1, 1], 0.8),
    registers([16, 4], [1, 8, 1], 0.77),
    registers([8, 4], [1, 8, 1], 0.56),
    registers([8, 4], [8, 1, 1], 0.48),
    registers([4, 4], [1, 8, 1], 0.37),
    registers([1, 4], [1, 8, 1], 0.12),
  ],
  gpu: [
    workgroup([8, 8], [16, 16], 16, 1),
    workgroup([4, 4], [16, 16], 32, 0.8),
    workgroup([4, 4], [8, 8], 32, 0.6),
    workgroup([4, 4], [4, 16], 32, 0.5),
    registers([1, 4], [1, 32, 1], 0.1),
  ],
};

function subgroup([rows, columns]: readonly [number, number], lanesN: number, rate: number): RatedTile {
  return { tile: { memory: 'subgroup', rows, columns, lanesM: 1, lanesN, lanesK: 1, depth: 4 }, rate };
}

/** Tiles that pass A round in subgroups. The rates are guesses: nothing but a measurement should choose these. */
const SUBGROUP_TILES: Readonly<Record<AdapterClass, readonly RatedTile[]>> = {
  cpu: [subgroup([8, 4], 8, 0.4)],
  gpu: [subgroup([8, 4], 32, 0.7), subgroup([8, 4], 64, 0.7), subgroup([8, 8], 64, 0.7)],
};

/** Units of a workgroup of subgroup matrices, along M and N. */
const MATRIX_UNITS = [
  [1, 1],
  [1, 2],
  [2, 2],
] as const;
/** Rows and columns of a unit, and the steps of k that are staged: a multiple of every size that adapters have. */
const MATRIX_BLOCK = 32;

/** The rates are relative to the f32 tiles: published gains are 2.5 to 4. */
function matrixTiles(matrices: readonly SubgroupMatrix[], arithmetic: MatmulArithmetic, lanesK: number): RatedTile[] {
  return matrices
    .filter(
      ({ component, m, n, k }) => component === arithmetic && [m, n, k].every((size) => MATRIX_BLOCK % size === 0),
    )
    .flatMap((matrix) =>
      MATRIX_UNITS.map(([lanesM, lanesN]) => ({
        tile: {
          memory: 'matrix',
          rows: MATRIX_BLOCK,
          columns: MATRIX_BLOCK,
          lanesM,
          lanesN,
          lanesK,
          depth: MATRIX_BLOCK,
          matrix,
        },
        rate: lanesM * lanesN === 4 ? 2.5 : 2,
      })),
    );
}

/** Most rows that the tiles for a handful of rows take. */
const FEW_ROWS = 4;

/**
 * Tiles for decoding: all rows in one thread, the threads of a workgroup share the sums. Their lanes lie where
 * B is contiguous, so that it streams once, and there are enough of them although there are few values.
 */
function thinTiles({ m }: MatmulSize, transB: boolean, adapterClass: AdapterClass): RatedTile[] {
  const rows = m <= 1 ? 1 : m <= 2 ? 2 : FEW_ROWS;
  if (m > FEW_ROWS) return [];
  const lanes = adapterClass === 'cpu' ? [8] : [32, 64, 128];
  if (transB) return lanes.map((lanesK) => registers([rows, 4], [1, 1, lanesK], 0.1 * (lanesK / 64)));
  return lanes.map((count) => registers([rows, 4], [1, 8, count / 8], 0.1 * (count / 64)));
}

/** Rates of the tiles below by rows, measured beside those of `registers` of as many rows. */
const STREAM_RATES: Readonly<Record<1 | 2, number>> = { 1: 0.16, 2: 0.26 };
/** Most rows: with four an older LLVM compiles its text for over a minute. */
const STREAM_ROWS = 2;

/** The tile that streams whole blocks of q4_0, for one or two rows on a CPU. */
function streamTiles(
  { m, k, batch, ldb, lda, alignedOffsets }: MatmulSize,
  { transA, transB, input = 'f32', weight = 'f32' }: MatmulVariant,
  adapterClass: AdapterClass,
): RatedTile[] {
  if (adapterClass !== 'cpu' || weight !== 'q4_0' || input !== 'f32' || transA || !transB) return [];
  const isWhole = k > 0 && k % STREAM_DEPTH === 0 && ldb === k && lda % 4 === 0;
  if (m > STREAM_ROWS || batch !== 1 || !isWhole || alignedOffsets === false) return [];
  const rows = m <= 1 ? 1 : STREAM_ROWS;
  const tile = { memory: 'stream', rows, columns: 4, lanesM: 1, lanesN: 8, lanesK: 1, depth: STREAM_DEPTH } as const;
  return [{ tile, rate: STREAM_RATES[rows] }];
}

/** Workgroups that run side by side: what fills a few cores, or the smaller GPUs. */
const CONCURRENT: Readonly<Record<AdapterClass, number>> = { cpu: 4, gpu: 64 };

/** Parts of K that are worth trying. */
const SPLITS = [2, 4, 8, 16] as const;
/** Tiles that are tried with each: the first of the list. */
const SPLIT_TILES = 4;
/** Least steps of k that a part should have. */
const LEAST_PART = 128;

/** Workgroups along x, y and z of a tile, for all parts of a split. */
export function gridOf(size: MatmulSize, { tile, splits }: MatmulCandidate): [number, number, number] {
  const alongM = Math.ceil(size.m / (tile.rows * tile.lanesM));
  const alongN = Math.ceil(size.n / (tile.columns * tile.lanesN));
  const z = size.batch * splits;
  return rowAxis(tile) === 'x' ? [alongM, alongN, z] : [alongN, alongM, z];
}

function bytesOf(tile: MatmulTile, element: 2 | 4): number {
  const { rows, columns, lanesM, lanesN, lanesK, depth, memory, matrix } = tile;
  if (matrix !== undefined) {
    const staged = (rows * lanesM + columns * lanesN) * depth * (matrix.component === 'f16' ? 2 : 4);
    return staged + rows * lanesM * columns * lanesN * 4;
  }
  if (memory === 'workgroup') return (rows * lanesM + columns * lanesN) * depth * element;
  return lanesK > 1 ? rows * columns * threadsOf(tile) * 4 : 0;
}

interface RatedCandidate extends MatmulCandidate {
  readonly rate: number;
}

function allCandidates(
  size: MatmulSize,
  variant: MatmulVariant,
  { adapterClass, maxInvocations, maxWorkgroupBytes, maxSubgroup, matrices, refusedFamilies }: MatmulCapabilities,
): RatedCandidate[] {
  const { transB, arithmetic = 'f32' } = variant;
  const fits = ({ tile }: RatedTile) =>
    threadsOf(tile) <= maxInvocations && bytesOf(tile, arithmetic === 'f16' ? 2 : 4) <= maxWorkgroupBytes;
  const candidates = (rated: readonly RatedTile[], splits: number): RatedCandidate[] =>
    rated.filter(fits).map(({ tile, rate }) => ({
      id: `${nameTile(tile)}${arithmetic === 'f16' && tile.matrix === undefined ? '-f16' : ''}${splits === 1 ? '' : `/split${splits}`}`,
      tile,
      rate,
      splits,
      inOrder: arithmetic === 'f32' && splits === 1 && tile.lanesK === 1,
    }));
  const tiles = TILES[adapterClass].filter(({ tile }) => arithmetic === 'f32' || !isSlowInF16(tile));
  const found = [
    ...candidates(tiles, 1),
    ...candidates(thinTiles(size, transB, adapterClass), 1),
    ...(arithmetic === 'f32' ? candidates(streamTiles(size, variant, adapterClass), 1) : []),
    ...(arithmetic === 'f32' && maxSubgroup > 0 ? candidates(SUBGROUP_TILES[adapterClass], 1) : []),
    ...candidates(matrixTiles(matrices, arithmetic, maxSubgroup), 1),
    ...SPLITS.filter((splits) => size.k >= splits * LEAST_PART).flatMap((splits) =>
      candidates(tiles.slice(0, SPLIT_TILES), splits).filter((candidate) => isThin(size, candidate, adapterClass)),
    ),
  ];
  const isRefused = (candidate: MatmulCandidate): boolean =>
    refusedFamilies?.has(matmulFamily(candidate, arithmetic)) === true;
  return refusedFamilies === undefined || refusedFamilies.size === 0
    ? found
    : found.filter((candidate) => !isRefused(candidate));
}

/** A CPU has no f16 units: the driver emulates them, and takes seconds to compile a large tile. */
function isSlowInF16({ memory, rows, columns }: MatmulTile): boolean {
  return memory === 'registers' && rows * columns > 32;
}

/** Whether the unsplit grid leaves the device without work. */
function isThin(size: MatmulSize, candidate: MatmulCandidate, adapterClass: AdapterClass): boolean {
  const [x, y, z] = gridOf(size, { ...candidate, splits: 1 });
  return x * y * z < 2 * CONCURRENT[adapterClass];
}

/** Every way to run this matmul on an adapter: what a tuner may time and `planMatmul` takes by id. */
export function matmulCandidates(
  size: MatmulSize,
  variant: MatmulVariant,
  capabilities: MatmulCapabilities,
): MatmulCandidate[] {
  return allCandidates(size, variant, capabilities).map(({ id, tile, splits, inOrder }) => ({
    id,
    tile,
    splits,
    inOrder,
  }));
}

/**
 * What a register tile keeps of its rate where both operands are read across their rows and its lanes lie
 * along the longer of M and N: then neighbouring lanes read from wide rows, one cache line of each. In
 * weight gradients (K 4096, M and N 64 to 512, lavapipe) it ran half as fast as lanes along the shorter.
 */
const WIDE_ROWS = 0.55;

/**
 * What a register tile keeps of its rate where its lanes lie along M, M is many times N, and N fits one
 * workgroup of the other tiles: those keep all of B in the cache and load each value of A once for all lanes.
 * (M 1024 to 4096, N 64, K 64 to 256, all transposes: 1.1 to 2.9 times as fast on lavapipe.)
 */
const TALL = 0.75;
/** How many times N. */
const TALL_BY = 8;
/** Columns that one workgroup makes in the largest tiles with lanes along N. */
const TALL_COLUMNS = 64;

/**
 * The candidate with the least estimated time: rounds of concurrent workgroups, times the work of one. It
 * weighs what an edge wastes and whether there are enough workgroups against the speed of a large tile. On a
 * GPU it splits the sums of weight gradients and of a handful of rows; the sum of a forward row stays in
 * order, so that its value does not depend on the rows beside it. On a CPU all sums do.
 */
export function chooseMatmul(
  size: MatmulSize,
  variant: MatmulVariant,
  capabilities: MatmulCapabilities,
): MatmulCandidate {
  const { transA, transB } = variant;
  const concurrent = CONCURRENT[capabilities.adapterClass];
  const isGpu = capabilities.adapterClass === 'gpu';
  const cost = (candidate: RatedCandidate): number => {
    const { tile, rate, splits } = candidate;
    const [x, y, z] = gridOf(size, candidate);
    const work =
      (tile.rows * tile.lanesM * tile.columns * tile.lanesN * Math.ceil(size.k / splits)) /
      (tile.memory === 'matrix' ? 1 : tile.lanesK);
    const lanesAlongLonger = tile.lanesM > 1 ? size.m > size.n : size.n > size.m;
    const isWide = transA && !transB;
    const isTall = tile.lanesM > 1 && size.m >= TALL_BY * size.n && size.n <= TALL_COLUMNS;
    const kept = tile.memory !== 'registers' || !lanesAlongLonger ? 1 : isWide ? WIDE_ROWS : isTall ? TALL : 1;
    // The second kernel reads all parts: about as long as that many steps of k.
    const combine = splits === 1 ? 0 : (splits * size.m * size.n * size.batch * 8) / concurrent;
    return (Math.ceil((x * y * z) / concurrent) * work) / (rate * kept) + combine;
  };
  const isAllowed = ({ splits, tile }: MatmulCandidate): boolean => {
    if (tile.memory === 'subgroup') return false;
    // What was rounded to f16 anyway may as well go through the fast units for it.
    if (tile.memory === 'matrix') return isGpu && variant.arithmetic === 'f16';
    return (splits === 1 && tile.lanesK === 1) || (isGpu && (splits === 1 || transA));
  };
  const allowed = allCandidates(size, variant, capabilities).filter(isAllowed);
  if (allowed.length === 0) {
    throw new ToolError('device', {
      op: 'matmul',
      expected: 'a kernel that computes rightly on this adapter',
      got: `none: refused are ${[...(capabilities.refusedFamilies ?? [])].join(', ')}`,
      hint: '`dawngrad doctor` says what is wrong with each; another driver may help.',
    });
  }
  return allowed.reduce((best, next) => (cost(next) < cost(best) ? next : best));
}
