import { type Device, keep, read, type Shape, sizeOf, Tensor, ToolError, type WeightFormat } from '@dawngrad/tensor';
import { type BaseWeights, isQuantized, type MatrixBlocks, type WeightSpec } from './base-weights.ts';
import { FrozenMatrix, holdsRows, PIECE_ELEMENTS } from './frozen-matrix.ts';

/** Where a matrix lies: rows of a matrix that may hold several, one after the other. */
interface Place {
  readonly matrix: FrozenMatrix;
  readonly firstRow: number;
}

/**
 * Frozen weights in any format. Matrices of a stack lie in one matrix; each is cut into row blocks that fit a storage
 * binding. Several models may share them, each with its own adapters.
 */
export class FrozenWeights implements BaseWeights {
  readonly names: readonly string[];
  readonly parameters = undefined;
  readonly #shapes: ReadonlyMap<string, Shape>;
  readonly #places = new Map<string, Place>();
  readonly #vectors = new Map<string, Tensor>();
  readonly #stacks = new Map<string, FrozenMatrix>();
  readonly #vectorStacks = new Map<string, Tensor>();
  readonly #device: Device;
  #users = 1;

  /**
   * Allocates the weights; their contents are undefined until they are written.
   *
   * @param stacks groups of names of matrices that the model multiplies by as one, or of their biases
   * @param formatOf how a weight is to be kept; norms and biases are f32 whatever it says
   */
  constructor(
    device: Device,
    specs: readonly WeightSpec[],
    stacks: readonly (readonly string[])[],
    formatOf: (spec: WeightSpec) => WeightFormat,
  ) {
    this.#device = device;
    this.names = specs.map(({ name }) => name);
    this.#shapes = new Map(specs.map(({ name, shape }) => [name, shape]));
    const byName = new Map(specs.map((spec) => [spec.name, spec]));
    const stacked = new Set<string>();
    try {
      for (const names of stacks) {
        const members = names.map((name) => byName.get(name)!);
        if (!canStack(members, formatOf)) continue;
        for (const name of names) stacked.add(name);
        if (members[0]!.shape.length === 1) this.#allocateVectors(members);
        else this.#stacks.set(names.join(' '), this.#allocate(members, formatOf(members[0]!)));
      }
      for (const spec of specs) {
        if (stacked.has(spec.name)) continue;
        if (spec.shape.length === 1) this.#allocateVectors([spec]);
        else this.#allocate([spec], formatOf(spec));
      }
    } catch (error) {
      this.#free();
      throw error;
    }
  }

  get bytes(): number {
    let total = 0;
    for (const matrix of new Set([...this.#places.values()].map((place) => place.matrix))) total += matrix.bytes;
    for (const vector of this.#vectors.values()) total += 4 * vector.size;
    return total;
  }

  has(name: string): boolean {
    return this.#shapes.has(name);
  }

  shape(name: string): Shape {
    const shape = this.#shapes.get(name);
    if (shape === undefined) throw unknownWeight(name);
    return shape;
  }

  format(name: string): WeightFormat {
    return this.#places.get(name)?.matrix.format ?? 'f32';
  }

  vector(name: string): Tensor {
    const vector = this.#vectors.get(name);
    if (vector === undefined) throw unknownWeight(name);
    return vector;
  }

  matrix(name: string): MatrixBlocks {
    const { matrix } = this.#place(name);
    if (matrix.rows !== this.shape(name)[0]) throw unknownWeight(`${name} by itself: it is part of a stack`);
    return matrix.blocks;
  }

  stacked(names: readonly string[]): MatrixBlocks | undefined {
    return this.#stacks.get(names.join(' '))?.blocks;
  }

  /**
   * Writes values of one weight from element `start` on, a multiple of 64 (`PIECE_ELEMENTS`), before anything
   * that reads the weight is recorded. A Uint16Array is taken as the bits of the format that the weight is kept in.
   */
  write(name: string, start: number, values: Float32Array | Uint16Array): void {
    const vector = this.#vectors.get(name);
    if (vector !== undefined) this.#device.write(vector.storage, 4 * (vector.offset + start), values);
    else {
      const { matrix, firstRow } = this.#place(name);
      matrix.write(firstRow * matrix.columns + start, values, name);
    }
  }

  stackedVector(names: readonly string[]): Tensor | undefined {
    return this.#vectorStacks.get(names.join(' '));
  }

  async read(name: string): Promise<Float32Array> {
    const vector = this.#vectors.get(name);
    if (vector !== undefined) return (await read(vector)) as Float32Array;
    const { matrix, firstRow } = this.#place(name);
    return matrix.read(firstRow, this.shape(name)[0]!);
  }

  retain(): void {
    this.#users++;
  }

  dispose(): void {
    if (--this.#users === 0) this.#free();
  }

  #allocate(members: readonly WeightSpec[], format: WeightFormat): FrozenMatrix {
    const rows = members.reduce((total, { shape }) => total + shape[0]!, 0);
    const label = `models/weights/${members[0]!.name}`;
    const matrix = new FrozenMatrix(this.#device, format, [rows, members[0]!.shape[1]!], label);
    let firstRow = 0;
    for (const { name, shape } of members) {
      this.#places.set(name, { matrix, firstRow });
      firstRow += shape[0]!;
    }
    return matrix;
  }

  /** Vectors one after the other, each a view; a single one is no stack. */
  #allocateVectors(members: readonly WeightSpec[]): void {
    const size = members.reduce((total, { shape }) => total + shape[0]!, 0);
    const all = keep(Tensor.empty(this.#device, [size], 'f32', `models/weights/${members[0]!.name}`));
    this.#vectorStacks.set(members.map(({ name }) => name).join(' '), all);
    let offset = all.offset;
    for (const { name, shape } of members) {
      this.#vectors.set(name, keep(all.view(shape, [1], offset)));
      offset += shape[0]!;
    }
  }

  #place(name: string): Place {
    const place = this.#places.get(name);
    if (place === undefined) throw unknownWeight(name);
    return place;
  }

  #free(): void {
    for (const matrix of new Set([...this.#places.values()].map((place) => place.matrix))) matrix.dispose();
    for (const vector of [...this.#vectors.values(), ...this.#vectorStacks.values()]) vector.dispose();
  }
}

/**
 * How a weight is kept if `wanted` is asked for. Only matrices of linears are quantised, as in QLoRA; the embedding,
 * the output matrix and matrices whose rows are not whole blocks keep the 16 bits that they are stored in, or f16.
 */
export function keptFormat(
  { shape, isLinear }: WeightSpec,
  wanted: WeightFormat,
  stored: 'f32' | 'f16' | 'bf16',
): WeightFormat {
  if (shape.length === 1) return 'f32';
  if (!isQuantized(wanted) || (isLinear && holdsRows(wanted, shape[1]!))) return wanted;
  return stored === 'bf16' ? 'bf16' : 'f16';
}

/** Members start at whole pieces and are kept alike. */
function canStack(members: readonly WeightSpec[], formatOf: (spec: WeightSpec) => WeightFormat): boolean {
  const [first] = members;
  return members.every(
    (spec) =>
      sizeOf(spec.shape) % PIECE_ELEMENTS === 0 &&
      spec.shape[1] === first!.shape[1] &&
      formatOf(spec) === formatOf(first!),
  );
}

function unknownWeight(name: string): ToolError {
  return new ToolError('failed', { op: 'model weights', expected: 'the name of a weight', got: name });
}
