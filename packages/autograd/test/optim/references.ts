import type { ParameterGroup } from '@dawngrad/autograd';

/** A parameter of a reference run, in float64. */
export interface ReferenceParameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly decay: boolean;
  readonly value: Float64Array;
  readonly state: Record<string, Float64Array>;
}

/** A step of an optimizer on one parameter; `g` is clipped, `step` counts from 1. */
export type ReferenceUpdate = (parameter: ReferenceParameter, g: Float64Array, lr: number, step: number) => void;

interface Hyper {
  readonly weightDecay: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly lrScale: number;
}

/** Hyperparameters of a parameter: the first group whose pattern matches, `*` at the ends only. */
export function hyperOf(
  { name, decay }: ReferenceParameter,
  defaults: { weightDecay?: number; beta1?: number; beta2?: number; groups?: readonly ParameterGroup[] },
): Hyper {
  const group = defaults.groups?.find(({ match }) =>
    match instanceof RegExp ? match.test(name) : name.startsWith(match.replace('*', '')),
  );
  return {
    weightDecay: group?.weightDecay ?? (decay ? (defaults.weightDecay ?? 0) : 0),
    beta1: group?.beta1 ?? defaults.beta1 ?? 0,
    beta2: group?.beta2 ?? defaults.beta2 ?? 0,
    lrScale: group?.lrScale ?? 1,
  };
}

function stateOf(parameter: ReferenceParameter, name: string, size = parameter.value.length): Float64Array {
  parameter.state[name] ??= new Float64Array(size);
  return parameter.state[name];
}

type AdamHyper = Parameters<typeof hyperOf>[1] & { readonly eps: number };

/** Loshchilov and Hutter, 2019, algorithm 2. `round` stands for what a format of the moments does to them. */
export function adamw(
  options: AdamHyper,
  round?: (values: Float64Array, isSigned: boolean) => Float64Array,
): ReferenceUpdate {
  return (parameter, g, lr, step) => {
    const { weightDecay, beta1, beta2, lrScale } = hyperOf(parameter, options);
    const [m, v] = [stateOf(parameter, 'm'), stateOf(parameter, 'v')];
    g.forEach((gradient, i) => {
      m[i] = beta1 * m[i]! + (1 - beta1) * gradient;
      v[i] = beta2 * v[i]! + (1 - beta2) * gradient * gradient;
      const update = m[i]! / (1 - beta1 ** step) / (Math.sqrt(v[i]! / (1 - beta2 ** step)) + options.eps);
      parameter.value[i]! -= lr * lrScale * (weightDecay * parameter.value[i]! + update);
    });
    if (round === undefined) return;
    m.set(round(m, true));
    v.set(round(v, false));
  };
}

/** The rule of torch.optim.SGD without dampening. */
export function sgd(options: Parameters<typeof hyperOf>[1] & { readonly nesterov: boolean }): ReferenceUpdate {
  return (parameter, g, lr) => {
    const { weightDecay, beta1, lrScale } = hyperOf(parameter, options);
    const b = stateOf(parameter, 'b');
    g.forEach((gradient, i) => {
      const d = gradient + weightDecay * parameter.value[i]!;
      b[i] = beta1 * b[i]! + d;
      parameter.value[i]! -= lr * lrScale * (options.nesterov ? d + beta1 * b[i]! : b[i]!);
    });
  };
}

const rms = (values: Float64Array): number => Math.sqrt(values.reduce((a, x) => a + x * x, 0) / values.length);

/** Shazeer and Stern, 2018, algorithms 4 and 5, with decoupled decay. */
export function adafactor(
  options: Parameters<typeof hyperOf>[1] & { readonly minFactoredSide: number; readonly scaleParameter: boolean },
): ReferenceUpdate {
  return (parameter, g, lr, step) => {
    const { weightDecay, lrScale } = hyperOf(parameter, options);
    const { shape, value } = parameter;
    const beta = 1 - step ** -0.8;
    const columns = shape.at(-1)!;
    const rows = g.length / columns;
    const squares = g.map((x) => x * x + 1e-30);
    let v: Float64Array;
    if (shape.length >= 2 && Math.min(rows, columns) >= options.minFactoredSide) {
      const [r, c] = [stateOf(parameter, 'r', rows), stateOf(parameter, 'c', columns)];
      for (let i = 0; i < rows; i++) {
        r[i] =
          beta * r[i]! + ((1 - beta) * squares.slice(i * columns, (i + 1) * columns).reduce((a, x) => a + x)) / columns;
      }
      for (let j = 0; j < columns; j++) {
        let total = 0;
        for (let i = 0; i < rows; i++) total += squares[i * columns + j]!;
        c[j] = beta * c[j]! + ((1 - beta) * total) / rows;
      }
      const mean = r.reduce((a, x) => a + x) / rows;
      v = g.map((_, k) => (r[Math.floor(k / columns)]! * c[k % columns]!) / mean);
    } else {
      v = stateOf(parameter, 'v');
      squares.forEach((x, k) => {
        v[k] = beta * v[k]! + (1 - beta) * x;
      });
    }
    const u = g.map((x, k) => x / Math.sqrt(v[k]!));
    const scale = (options.scaleParameter ? Math.max(1e-3, rms(value)) : 1) / Math.max(1, rms(u));
    u.forEach((x, k) => {
      value[k]! -= lr * lrScale * (weightDecay * value[k]! + scale * x);
    });
  };
}

type Matrix = readonly Float64Array[];
const transposed = (x: Matrix): Matrix => Array.from(x[0]!, (_, j) => Float64Array.from(x, (row) => row[j]!));
const product = (x: Matrix, y: Matrix): Matrix => {
  const columns = transposed(y);
  return x.map((row) => Float64Array.from(columns, (column) => row.reduce((a, v, k) => a + v * column[k]!, 0)));
};
const combined = (a: number, x: Matrix, b: number, y: Matrix): Matrix =>
  x.map((row, i) => row.map((v, j) => a * v + b * y[i]![j]!));

/** Jordan et al., 2024: five steps of the quintic iteration on u / |u|. */
function orthogonalised(u: Float64Array, rows: number, columns: number): Float64Array {
  const norm = Math.sqrt(u.reduce((a, x) => a + x * x, 0)) + 1e-7;
  let x: Matrix = Array.from({ length: rows }, (_, i) => u.slice(i * columns, (i + 1) * columns).map((v) => v / norm));
  if (rows > columns) x = transposed(x);
  for (let k = 0; k < 5; k++) {
    const s = product(x, transposed(x));
    x = combined(3.4445, x, 1, product(combined(-4.775, s, 2.0315, product(s, s)), x));
  }
  if (rows > columns) x = transposed(x);
  return Float64Array.from(x.flatMap((row) => [...row]));
}

export function muon(
  options: AdamHyper & { readonly momentum: number; readonly nesterov: boolean; readonly scale: 'rms' | 'spectral' },
): ReferenceUpdate {
  const others = adamw(options);
  return (parameter, g, lr, step) => {
    const { shape, value, name } = parameter;
    if (shape.length !== 2 || name.includes('embed')) return others(parameter, g, lr, step);
    const { weightDecay, lrScale } = hyperOf(parameter, options);
    const [rows, columns] = shape as [number, number];
    const b = stateOf(parameter, 'b');
    g.forEach((x, i) => {
      b[i] = options.momentum * b[i]! + x;
    });
    const u = options.nesterov ? g.map((x, i) => x + options.momentum * b[i]!) : b;
    const o = orthogonalised(Float64Array.from(u), rows, columns);
    const scale =
      options.scale === 'rms' ? 0.2 * Math.sqrt(Math.max(rows, columns)) : Math.sqrt(Math.max(1, rows / columns));
    o.forEach((x, i) => {
      value[i]! -= lr * lrScale * (weightDecay * value[i]! + scale * x);
    });
  };
}
