import {
  type AnyOpDef,
  applyOp,
  broadcastShapes,
  type RefArray,
  type Shape,
  sizeOf,
  type Tensor,
} from '@dawngrad/tensor';
import { type Draw, opTable } from '@dawngrad/tensor/testing';

interface ProgramStep {
  readonly def: AnyOpDef;
  /** Values that it takes: the program's inputs first, then the results of its steps. */
  readonly inputs: readonly number[];
  readonly attrs: unknown;
}

/** A composition of ops from the table, drawn at random. */
export interface Program {
  readonly inputs: readonly RefArray[];
  readonly steps: readonly ProgramStep[];
  /** Values that it returns; others are used on the way, by several steps or by none. */
  readonly results: readonly number[];
}

/** Most elements of a value: float64 references and numerical gradients run over all of them. */
const MOST_ELEMENTS = 300;
const UNARY = ['tanh', 'sigmoid', 'silu', 'softplus', 'negate', 'square'];
const BINARY = ['add', 'subtract', 'multiply', 'maximum'];
const KINDS = [
  ...['unary', 'unary', 'binary', 'binary', 'binary', 'affine', 'softmax'],
  ...['sum', 'max', 'permute', 'reshape', 'slice', 'matmul', 'matmul'],
] as const;

const op = (name: string): AnyOpDef => opTable.find((def) => def.name === name)!;

export function drawProgram(draw: Draw, length: number): Program {
  const dims = [draw.between(2, 5), draw.of([1, 4, 8, 9])];
  const inputs = Array.from({ length: draw.between(2, 3) }, () => draw.normals([draw.of(dims), draw.of(dims)]));
  const shapes: Shape[] = inputs.map(({ shape }) => shape);
  const steps: ProgramStep[] = [];
  while (steps.length < length) {
    const step = drawStep(draw, shapes);
    if (step === undefined) continue;
    const specs = step.inputs.map((at) => ({ shape: shapes[at]!, dtype: 'f32' as const }));
    steps.push(step);
    shapes.push(step.def.infer(specs, step.attrs)[0]!.shape);
  }
  const last = shapes.length - 1;
  const middle = draw.between(inputs.length, last);
  return { inputs, steps, results: [...new Set([middle, last])] };
}

/** A step over the values so far, or undefined where they do not suit what was drawn. */
function drawStep(draw: Draw, shapes: readonly Shape[]): ProgramStep | undefined {
  // Late values more often, so that programs are deep.
  const at = (): number => Math.max(draw.below(shapes.length), draw.below(shapes.length));
  const [a, b] = [at(), at()];
  const [x, y] = [shapes[a]!, shapes[b]!];
  switch (draw.of(KINDS)) {
    case 'unary':
      return { def: op(draw.of(UNARY)), inputs: [a], attrs: undefined };
    case 'binary': {
      const fits = broadcasts(x, y);
      return fits === undefined || sizeOf(fits) > MOST_ELEMENTS
        ? undefined
        : { def: op(draw.of(BINARY)), inputs: [a, b], attrs: undefined };
    }
    case 'affine':
      return { def: op('affine'), inputs: [a], attrs: { scale: draw.of([-1, 0.5, 2]), shift: draw.of([0, 1]) } };
    case 'softmax':
      return x.length === 0 ? undefined : { def: op('softmax'), inputs: [a], attrs: { axis: draw.below(x.length) } };
    case 'sum':
      return { def: op('sum'), inputs: [a], attrs: { axes: draw.someAxes(x.length), keepDims: draw.oneIn(2) } };
    case 'max':
      return { def: op('max'), inputs: [a], attrs: { axes: draw.someAxes(x.length), keepDims: true } };
    case 'permute':
      return { def: op('permute'), inputs: [a], attrs: { axes: draw.axes(x.length) } };
    case 'reshape':
      return { def: op('reshape'), inputs: [a], attrs: { shape: draw.oneIn(2) ? [sizeOf(x)] : [...x, 1] } };
    case 'slice': {
      const count = x.map((dim) => draw.between(1, dim));
      const start = x.map((dim, axis) => draw.below(dim - count[axis]! + 1));
      return { def: op('slice'), inputs: [a], attrs: { start, count, step: x.map(() => 1) } };
    }
    case 'matmul': {
      if (x.length !== 2 || y.length !== 2) return undefined;
      const [transA, transB] = [draw.oneIn(2), draw.oneIn(2)];
      const inner = x[transA ? 0 : 1] === y[transB ? 1 : 0];
      return inner ? { def: op('matmul'), inputs: [a, b], attrs: { transA, transB } } : undefined;
    }
  }
}

function broadcasts(x: Shape, y: Shape): Shape | undefined {
  try {
    return broadcastShapes('program', x, y);
  } catch {
    return undefined;
  }
}

/** What the program returns, in float64. */
export function programReference({ steps, results }: Program, inputs: readonly RefArray[]): RefArray[] {
  const values = [...inputs];
  for (const { def, inputs: taken, attrs } of steps)
    values.push(
      def.reference(
        taken.map((at) => values[at]!),
        attrs,
      )[0]!,
    );
  return results.map((at) => values[at]!);
}

/** Records the program on the device. */
export function runProgram({ steps, results }: Program, inputs: readonly Tensor[]): Tensor[] {
  const values = [...inputs];
  for (const { def, inputs: taken, attrs } of steps)
    values.push(
      applyOp(
        def,
        taken.map((at) => values[at]!),
        attrs,
      )[0]!,
    );
  return results.map((at) => values[at]!);
}

/** The program as text, for the message of a failing test. */
export function programText({ inputs, steps, results }: Program): string {
  const lines = steps.map(
    ({ def, inputs: taken, attrs }, i) =>
      `v${inputs.length + i} = ${def.name}(${taken.map((at) => `v${at}`).join(', ')}) ${JSON.stringify(attrs) ?? ''}`,
  );
  return [...inputs.map(({ shape }, i) => `v${i} = f32[${shape}]`), ...lines, `return v${results.join(', v')}`].join(
    '\n',
  );
}
