import type { Device } from '../gpu/device.ts';
import { matmulCapabilities } from '../kernels/matmul-capabilities.ts';
import { matmulChooser, setMatmulChooser } from '../kernels/matmul-chooser.ts';
import { planMatmul } from '../kernels/matmul-plan.ts';
import type { MatmulCandidate, MatmulSize, MatmulVariant } from '../kernels/matmul-spec.ts';
import { recordMatmul } from '../ops/matmul-launch.ts';
import { read } from '../ops/read.ts';
import { Rng } from '../rng.ts';
import { scopeAsync } from '../scope.ts';
import { Tensor } from '../tensor.ts';

/** Odd sizes, one of them longer than any tile: edges and whole tiles both count. */
const SIZES = [
  { m: 37, n: 29, k: 53 },
  { m: 5, n: 260, k: 132 },
  { m: 132, n: 68, k: 1028 },
] as const;

/**
 * Largest error relative to the largest value of the product, by what is multiplied. In f32 the order of a sum
 * of a thousand terms moves a few units in the last place; f16 has 11 bits.
 */
const BOUNDS = { f32: 1e-5, f16: 1e-2 } as const;

/**
 * Runs a candidate on problems whose answer is known, and says what is wrong with it on this adapter:
 * undefined if nothing is. A kernel with the wrong subgroup size, say, gives numbers like any other.
 */
export async function gateMatmul(
  device: Device,
  candidate: MatmulCandidate,
  layout: MatmulLayout,
): Promise<string | undefined> {
  for (const { m, n, k } of SIZES) {
    const unfit = await compileErrorOf(device, candidate, layout, { m, n, k });
    if (unfit !== undefined) return unfit;
    const bound = BOUNDS[layout.arithmetic === 'f16' || candidate.tile.matrix?.component === 'f16' ? 'f16' : 'f32'];
    const error = await worstErrorOf(device, candidate, layout, { m, n, k });
    // A NaN is not larger than the bound either.
    if (!(error <= bound)) return `error ${error.toExponential(1)} of the largest value at ${m} x ${n} x ${k}`;
  }
  return undefined;
}

type Extents = { readonly m: number; readonly n: number; readonly k: number };
/** Which operands of a matmul are transposed, and what it computes in. */
export type MatmulLayout = Pick<MatmulVariant, 'transA' | 'transB' | 'arithmetic'>;

function workOf(layout: MatmulLayout, { m, n, k }: Extents): { size: MatmulSize; variant: MatmulVariant } {
  const { transA, transB, arithmetic } = layout;
  return {
    size: {
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
    },
    variant: { transA, transB, epilogue: 'none', ...(arithmetic === undefined ? {} : { arithmetic }) },
  };
}

async function compileErrorOf(
  device: Device,
  candidate: MatmulCandidate,
  layout: MatmulLayout,
  extents: Extents,
): Promise<string | undefined> {
  const { size, variant } = workOf(layout, extents);
  const plan = planMatmul(size, { ...variant, capabilities: matmulCapabilities(device), candidate });
  for (const kernel of [plan.kernel, ...(plan.combine === undefined ? [] : [plan.combine.kernel])]) {
    const error = await device.probe(kernel);
    if (error !== undefined) return `does not compile: ${error.detail.got.split('\n')[0]}`;
  }
  return undefined;
}

async function worstErrorOf(
  device: Device,
  candidate: MatmulCandidate,
  layout: MatmulLayout,
  extents: Extents,
): Promise<number> {
  const { m, n } = extents;
  const { size, variant } = workOf(layout, extents);
  const { a, b, product, largest } = problemOf(layout, extents);
  const actual = await scopeAsync(async () => {
    const [left, right] = [Tensor.from(device, a, [a.length]), Tensor.from(device, b, [b.length])];
    const out = Tensor.empty(device, [m, n], 'f32', 'tensor/gate');
    const earlier = matmulChooser(device);
    setMatmulChooser(device, () => candidate);
    try {
      recordMatmul(device, {
        size,
        variant,
        buffers: { a: left.binding(), b: right.binding(), fused: [], c: out.binding() },
      });
    } finally {
      setMatmulChooser(device, earlier);
    }
    return read(out);
  });
  let worst = 0;
  // Math.max keeps a NaN.
  for (let i = 0; i < product.length; i++) worst = Math.max(worst, Math.abs(product[i]! - actual[i]!));
  return worst / largest;
}

/** Operands with their product in float64. */
interface Problem {
  readonly a: Float32Array;
  readonly b: Float32Array;
  readonly product: Float64Array;
  /** Largest magnitude of the product. */
  readonly largest: number;
}

/** All kernels of a layout are tried on the same few; the host takes longer over a product than the device. */
const problems = new Map<string, Problem>();

function problemOf({ transA, transB }: MatmulLayout, { m, n, k }: Extents): Problem {
  const key = [transA, transB, m, n, k].join();
  const known = problems.get(key);
  if (known !== undefined) return known;
  const rng = new Rng(m * n * k, 0x6a7e);
  const values = (stream: number, count: number): Float32Array =>
    Float32Array.from({ length: count }, (_, i) => Math.round(rng.normal(stream, i) * 64) / 64);
  const [a, b] = [values(0, m * k), values(1, k * n)];
  const product = new Float64Array(m * n);
  let largest = 0;
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let l = 0; l < k; l++) sum += a[transA ? l * m + i : i * k + l]! * b[transB ? j * k + l : l * n + j]!;
      product[i * n + j] = sum;
      largest = Math.max(largest, Math.abs(sum));
    }
  }
  const problem = { a, b, product, largest };
  problems.set(key, problem);
  return problem;
}
