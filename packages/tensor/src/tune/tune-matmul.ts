import type { Device } from '../gpu/device.ts';
import { matmulCandidates } from '../kernels/matmul-candidates.ts';
import { matmulCapabilities } from '../kernels/matmul-capabilities.ts';
import { matmulChooser, setMatmulChooser } from '../kernels/matmul-chooser.ts';
import { planMatmul } from '../kernels/matmul-plan.ts';
import type { MatmulArithmetic, MatmulCandidate, MatmulSize, MatmulVariant } from '../kernels/matmul-spec.ts';
import { recordMatmul } from '../ops/matmul-launch.ts';
import { Rng } from '../rng.ts';
import { scope } from '../scope.ts';
import { Tensor } from '../tensor.ts';
import { gateMatmul } from './gate-matmul.ts';
import { matmulClass } from './matmul-class.ts';
import type { TuningPick } from './tuning-table.ts';

declare const performance: { now(): number };

/** A matmul to tune for. */
export interface TuneCase {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transA: boolean;
  readonly transB: boolean;
  readonly arithmetic?: MatmulArithmetic;
}

/** How long to tune, and among which candidates. */
export interface TuneOptions {
  /** Rounds in which every candidate runs once. Default 7. */
  readonly rounds?: number;
  /**
   * Also candidates whose last bits differ from those of the plain sum: split along K, shared by lanes, subgroup
   * matrices. Default false: then a pick changes the speed and nothing else.
   */
  readonly anyOrder?: boolean;
  /** Most seconds for one case; candidates that are clearly slow are dropped on the way. Default 10. */
  readonly seconds?: number;
  /** Called before each candidate is checked or timed, with the work done and in all. */
  readonly onProgress?: (done: number, total: number, candidate: string) => void;
  /** What is timed. Default: all that may run the case. */
  readonly candidates?: readonly MatmulCandidate[];
}

/** How one candidate did. */
export interface TuneTime {
  readonly candidate: string;
  /** Median and least time of a run; NaN for one that was refused or dropped. */
  readonly microseconds: number;
  readonly minMicroseconds: number;
  /** Every time that was taken. */
  readonly samples: readonly number[];
  /** What is wrong with it on this adapter, if something is. */
  readonly refused: string | undefined;
}

/** What tuning one case found. */
export interface TuneResult {
  readonly matmulClass: string;
  /** The fastest first; those without a time last. */
  readonly times: readonly TuneTime[];
  readonly pick: TuningPick;
  /** Whether times are of the device's own clock. */
  readonly clock: 'device' | 'wall';
}

/** A candidate must be this much faster than the static choice to take its place: less is noise. */
const MARGIN = 0.03;
/** A candidate that took this many times the best of the first round is not run again. */
const HOPELESS = 3;

/**
 * Times every way to run a matmul on this device, in turns, and picks the fastest. Each is first checked
 * against a known answer: one that computes wrongly here is refused, however fast.
 */
export async function tuneMatmul(device: Device, tuneCase: TuneCase, options: TuneOptions = {}): Promise<TuneResult> {
  const { m, n, k, transA, transB, arithmetic } = tuneCase;
  const variant: MatmulVariant = {
    transA,
    transB,
    epilogue: 'none',
    ...(arithmetic === undefined ? {} : { arithmetic }),
  };
  const size: MatmulSize = {
    m,
    n,
    k,
    batch: 1,
    lda: transA ? m : k,
    ldb: transB ? k : n,
    ldc: n,
    strideA: 0,
    strideB: 0,
    strideC: m * n,
  };
  const capabilities = matmulCapabilities(device);
  const chosen = planMatmul(size, { ...variant, capabilities }).variant;
  const all = options.candidates ?? matmulCandidates(size, variant, capabilities);
  const candidates = all.filter(({ id, inOrder }) => options.anyOrder === true || inOrder || id === chosen);
  const refusals = new Map<string, string>();
  for (const [i, candidate] of candidates.entries()) {
    options.onProgress?.(i, 2 * candidates.length, candidate.id);
    const refused = await gateMatmul(device, candidate, variant);
    if (refused !== undefined) refusals.set(candidate.id, refused);
  }
  const samples = await timeCandidates(
    device,
    size,
    variant,
    candidates.filter(({ id }) => !refusals.has(id)),
    options,
    candidates.length,
  );
  const times = candidates
    .map(({ id }): TuneTime => {
      const sorted = [...(samples.get(id) ?? [])].sort((a, b) => a - b);
      return {
        candidate: id,
        microseconds: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN,
        minMicroseconds: sorted[0] ?? Number.NaN,
        samples: sorted,
        refused: refusals.get(id),
      };
    })
    .sort((a, b) => orderOf(a) - orderOf(b));
  const ofStatic = times.find(({ candidate }) => candidate === chosen);
  const staticMicroseconds = ofStatic?.microseconds ?? Number.NaN;
  const best = times[0]!;
  const isBetter = !(best.microseconds > staticMicroseconds * (1 - MARGIN));
  const winner = isBetter || ofStatic === undefined ? best : ofStatic;
  return {
    matmulClass: matmulClass(size, variant),
    times,
    pick: {
      candidate: winner.candidate,
      microseconds: winner.microseconds,
      staticCandidate: chosen,
      staticMicroseconds,
    },
    clock: device.features.has('timestamp-query') ? 'device' : 'wall',
  };
}

function orderOf({ microseconds }: TuneTime): number {
  return Number.isNaN(microseconds) ? Number.POSITIVE_INFINITY : microseconds;
}

async function timeCandidates(
  device: Device,
  size: MatmulSize,
  variant: MatmulVariant,
  candidates: readonly MatmulCandidate[],
  { rounds = 7, seconds = 10, onProgress }: TuneOptions,
  gated: number,
): Promise<Map<string, number[]>> {
  const samples = new Map(candidates.map(({ id }) => [id, [] as number[]]));
  const { m, n, k } = size;
  const rng = new Rng(1, 0x70e);
  const random = (count: number): Float32Array =>
    Float32Array.from({ length: count }, (_, i) => rng.uniform(0, i) - 0.5);
  const a = Tensor.from(device, random(m * k), [m * k], 'f32', 'tensor/tune');
  const b = Tensor.from(device, random(k * n), [k * n], 'f32', 'tensor/tune');
  const out = Tensor.empty(device, [m, n], 'f32', 'tensor/tune');
  const earlier = matmulChooser(device);
  const run = (candidate: MatmulCandidate): void => {
    setMatmulChooser(device, () => candidate);
    recordMatmul(device, { size, variant, buffers: { a: a.binding(), b: b.binding(), fused: [], c: out.binding() } });
  };
  const time = async (candidate: MatmulCandidate): Promise<number> => {
    if (device.features.has('timestamp-query')) {
      const timings = await device.profile(() => scope(() => run(candidate)));
      return timings.reduce((total, { microseconds }) => total + microseconds, 0);
    }
    const start = performance.now();
    scope(() => run(candidate));
    await device.finish();
    return (performance.now() - start) * 1000;
  };
  try {
    const start = performance.now();
    let racing = [...candidates];
    // The first round compiles; what it measures is thrown away.
    for (let round = -1; round < rounds; round++) {
      if (round > 2 && performance.now() - start > seconds * 1000) break;
      for (const [i, candidate] of racing.entries()) {
        const part = (round + 1 + i / racing.length) / (rounds + 1);
        onProgress?.(gated * (1 + part), 2 * gated, candidate.id);
        const microseconds = await time(candidate);
        if (round >= 0) samples.get(candidate.id)!.push(microseconds);
      }
      if (round === 0) {
        const best = Math.min(...racing.map(({ id }) => samples.get(id)![0]!));
        racing = racing.filter(({ id }) => samples.get(id)![0]! <= HOPELESS * best);
      }
    }
    return samples;
  } finally {
    setMatmulChooser(device, earlier);
    for (const tensor of [a, b, out]) tensor.dispose();
  }
}
