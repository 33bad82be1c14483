/** Maps values to pixels. */
export interface Scale {
  readonly low: number;
  readonly high: number;
  readonly at: (value: number) => number;
  readonly valueAt: (pixel: number) => number;
}

/** From [low, high] to [from, to]; a logarithmic one has low > 0. */
export function scaleOf(low: number, high: number, from: number, to: number, isLog: boolean): Scale {
  const map = isLog ? Math.log : (value: number): number => value;
  const back = isLog ? Math.exp : (value: number): number => value;
  const [a, b] = [map(low), map(high)];
  const width = b > a ? b - a : 1;
  return {
    low,
    high,
    at: (value) => from + ((map(value) - a) / width) * (to - from),
    valueAt: (pixel) => back(a + ((pixel - from) / (to - from)) * width),
  };
}

/** About `count` round numbers in [low, high]; on a logarithmic axis powers of 10, with 2 and 5 where there is room. */
export function roundTicks(low: number, high: number, count: number, isLog: boolean): number[] {
  if (!(high > low)) return [low];
  if (isLog) {
    const decades = Math.log10(high / low);
    const steps = decades > count ? [1] : decades > count / 3 ? [1, 3] : [1, 2, 5];
    const ticks: number[] = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
      for (const step of steps) ticks.push(step * 10 ** power);
    }
    const inside = ticks.filter((tick) => tick >= low && tick <= high);
    const skip = Math.ceil(inside.length / (1.5 * count));
    if (inside.length > 1) return inside.filter((_, i) => i % skip === 0);
  }
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5].find((one) => one * power >= rough) ?? 10) * power;
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) ticks.push(i * step);
  return ticks;
}

/** A number in few characters: 0.1235, 1,240, 1.2e-7. */
export function shortNumber(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4)
    return value.toExponential(1).replace('e+', 'e').replace('-', '−').replace('.0e', 'e');
  const text = size >= 1000 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(4)));
  return text.replace('-', '−');
}

/** Centred moving average over 2 * reach + 1 values, at the ends over those that there are. */
export function movingAverage(values: readonly number[], reach: number): number[] {
  if (reach < 1) return [...values];
  const sums = [0];
  for (const value of values) sums.push(sums.at(-1)! + value);
  return values.map((_, i) => {
    const [from, to] = [Math.max(0, i - reach), Math.min(values.length, i + reach + 1)];
    return (sums[to]! - sums[from]!) / (to - from);
  });
}

/** Index of the value nearest to another in an ascending list. */
export function nearestIndex(ascending: readonly number[], value: number): number {
  let [low, high] = [0, ascending.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low > 0 && value - ascending[low - 1]! <= ascending[low]! - value ? low - 1 : low;
}
