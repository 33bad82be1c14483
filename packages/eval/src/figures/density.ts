/** A bar of a histogram whose bars have the area 1 together. */
export interface DensityBar {
  readonly low: number;
  readonly high: number;
  readonly density: number;
}

/** Equal bins over [low, high]; values at `high` are in the last one. */
export function densityBars(values: readonly number[], low: number, high: number, bins: number): DensityBar[] {
  const width = (high - low) / bins;
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) counts[Math.min(bins - 1, Math.max(0, Math.floor((value - low) / width)))]!++;
  return counts.map((count, i) => ({
    low: low + i * width,
    high: low + (i + 1) * width,
    density: values.length === 0 ? 0 : count / (values.length * width),
  }));
}

/**
 * Gaussian kernel density at `points` places of [low, high]. Bandwidth by Silverman's rule of thumb, 0.9 min(sd,
 * IQR / 1.34) n^(-1/5) (Silverman 1986, equation 3.31); none where the values do not vary.
 */
export function kernelDensity(
  values: readonly number[],
  low: number,
  high: number,
  points: number,
): { readonly x: number; readonly density: number }[] {
  const bandwidth = silverman(values);
  if (bandwidth === 0) return [];
  const scale = 1 / (values.length * bandwidth * Math.sqrt(2 * Math.PI));
  return Array.from({ length: points }, (_, i) => {
    const x = low + ((high - low) * i) / (points - 1);
    let sum = 0;
    for (const value of values) {
      const z = (x - value) / bandwidth;
      if (Math.abs(z) < 8) sum += Math.exp(-0.5 * z * z);
    }
    return { x, density: sum * scale };
  });
}

function silverman(values: readonly number[]): number {
  const n = values.length;
  if (n < 2) return 0;
  const mean = values.reduce((sum, v) => sum + v, 0) / n;
  const deviation = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (n - 1));
  const sorted = Float64Array.from(values).sort();
  const range = (sorted[Math.floor(0.75 * (n - 1))]! - sorted[Math.floor(0.25 * (n - 1))]!) / 1.34;
  return 0.9 * (range > 0 ? Math.min(deviation, range) : deviation) * n ** -0.2;
}
