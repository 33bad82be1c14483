/**
 * Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a
 * counter-based generator. The key is (seed, stream), the counter (index, step, 0, 0): nothing to
 * save, nothing to restore, and order does not matter. `kernels/lib/philox.wgsl.ts` is its twin on
 * the device and gives the same words.
 */
const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;

/** High 32 bits of the product of two unsigned 32-bit integers. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const low = aLow * bLow;
  const mid = aHigh * bLow + (low >>> 16);
  const cross = aLow * bHigh + (mid & 0xffff);
  return (aHigh * bHigh + Math.floor(mid / 65536) + Math.floor(cross / 65536)) >>> 0;
}

/** The four random words of a counter under a key. */
export function philox4x32(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter.map((word) => word >>> 0) as [number, number, number, number];
  let k0 = key[0] >>> 0;
  let k1 = key[1] >>> 0;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const low0 = Math.imul(MULTIPLIER_0, c0) >>> 0;
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low1 = Math.imul(MULTIPLIER_1, c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** 24 random bits as a number in [0, 1). The device computes the same value in f32. */
export function uniformFromWord(word: number): number {
  return (word >>> 8) / 16777216;
}

/** A random stream addressed by (step, index). */
export class Rng {
  readonly seed: number;
  readonly stream: number;

  constructor(seed: number, stream: number) {
    this.seed = seed >>> 0;
    this.stream = stream >>> 0;
  }

  /** A 32-bit word. */
  word(step: number, index: number): number {
    return philox4x32([index, step, 0, 0], [this.seed, this.stream])[0];
  }

  /** A number in [0, 1). */
  uniform(step: number, index: number): number {
    return uniformFromWord(this.word(step, index));
  }

  /** A standard normal number (Box-Muller on two words of one counter). */
  normal(step: number, index: number): number {
    const [a, b] = philox4x32([index, step, 0, 0], [this.seed, this.stream]);
    const radius = Math.sqrt(-2 * Math.log(uniformFromWord(a) + 2 ** -25));
    return radius * Math.cos(2 * Math.PI * uniformFromWord(b));
  }

  /** A standard Gumbel number, -ln(-ln u). */
  gumbel(step: number, index: number): number {
    return -Math.log(-Math.log(this.uniform(step, index) + 2 ** -25));
  }

  /** An integer in [0, bound), without the bias of a plain remainder for the bounds met here (< 2^24). */
  integer(step: number, index: number, bound: number): number {
    return Math.floor(this.uniform(step, index) * bound);
  }
}
