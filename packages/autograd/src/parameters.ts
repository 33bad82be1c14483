import {
  blockHeights,
  contiguousStrides,
  copyInto,
  type Device,
  fill,
  keep,
  overwriteRange,
  readAll,
  type Shape,
  sizeOf,
  Tensor,
  ToolError,
} from '@dawngrad/tensor';

/** Slots start at multiples of 64 elements: 256 bytes, the alignment of storage bindings. */
const SLOT_ELEMENTS = 64;

/** A parameter without its values. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: Shape;
  /** Whether weight decay applies. By custom to matrices and not to norms and biases. */
  readonly decay: boolean;
}

/** One flat stretch of parameters with whatever belongs to them; everything is indexed alike. */
export interface Arena {
  readonly values: Tensor;
  /** Absent for frozen parameters. */
  readonly gradients: Tensor | undefined;
}

/** A parameter, or some rows of one that is larger than a storage binding: views of an arena. */
interface Block {
  readonly value: Tensor;
  readonly gradient: Tensor | undefined;
}

interface Slot {
  readonly spec: ParameterSpec;
  /** Rows after rows. */
  readonly blocks: Block[];
}

/** A block that waits for its arena. */
interface Place {
  readonly slot: Slot;
  readonly shape: Shape;
  readonly offset: number;
}

/**
 * Named parameters in flat arenas, so that clipping, the check for non-finite values and the optimizer
 * are one launch each however many parameters there are. An arena is at most one storage binding; a parameter that is
 * larger lies in blocks of its rows, one an arena, which `linear`, `embedding` and `linearLogProbs` take as they are.
 */
export class Parameters {
  readonly device: Device;
  readonly label: string;
  readonly arenas: readonly Arena[];
  readonly #slots = new Map<string, Slot>();
  readonly #stacks = new Map<string, Block>();

  constructor(
    device: Device,
    label: string,
    specs: readonly ParameterSpec[],
    options: { readonly trainable: boolean },
  ) {
    this.device = device;
    this.label = label;
    const names = specs.map(({ name }) => name);
    const repeated = names.find((name, i) => names.indexOf(name) !== i);
    if (repeated !== undefined) {
      throw new ToolError('failed', { op: label, expected: 'parameters of different names', got: `${repeated} twice` });
    }
    const limit = arenaElements(device);
    const arenas: Arena[] = [];
    // Decaying parameters first: the order that saved optimizer states are in.
    const ordered = [...specs.filter((spec) => spec.decay), ...specs.filter((spec) => !spec.decay)];
    let group: Place[] = [];
    let used = 0;
    const close = (): void => {
      if (group.length === 0) return;
      const values = flat(device, used, `${label}/values`);
      const gradients = options.trainable ? flat(device, used, `${label}/gradients`) : undefined;
      arenas.push({ values, gradients });
      for (const { slot, shape, offset } of group) {
        const strides = contiguousStrides(shape);
        slot.blocks.push({
          value: keep(values.view(shape, strides, offset)),
          gradient: gradients && keep(gradients.view(shape, strides, offset)),
        });
      }
      group = [];
      used = 0;
    };
    for (const spec of ordered) {
      const slot: Slot = { spec, blocks: [] };
      this.#slots.set(spec.name, slot);
      for (const shape of blockShapes(device, spec, `${label}/${spec.name}`)) {
        const elements = paddedSize(shape);
        if (used + elements > limit) close();
        group.push({ slot, shape, offset: used });
        used += elements;
      }
    }
    close();
    this.arenas = arenas;
  }

  get names(): string[] {
    return [...this.#slots.keys()];
  }

  get isTrainable(): boolean {
    return this.arenas.some((arena) => arena.gradients !== undefined);
  }

  /** Number of parameters, without padding. */
  get count(): number {
    let total = 0;
    for (const slot of this.#slots.values()) total += sizeOf(slot.spec.shape);
    return total;
  }

  /** True if there is a parameter of that name. */
  has(name: string): boolean {
    return this.#slots.has(name);
  }

  /**
   * The value of a parameter: a view of its arena. Throws ToolError 'limit' for one that lies in several blocks: it has
   * no tensor of its own.
   */
  get(name: string): Tensor {
    return this.#single(name).value;
  }

  /** The value of a parameter as blocks of its rows: one, unless it is larger than a storage binding. */
  blocks(name: string): readonly Tensor[] {
    return this.#slot(name).blocks.map(({ value }) => value);
  }

  /** Shape and decay of a parameter. Throws ToolError 'failed' for a name that is none. */
  spec(name: string): ParameterSpec {
    return this.#slot(name).spec;
  }

  /** The gradient of a parameter, or undefined if the parameters are frozen. Throws as `get` does. */
  gradient(name: string): Tensor | undefined {
    return this.#single(name).gradient;
  }

  /** The gradients of the blocks of a parameter, or undefined if the parameters are frozen. */
  gradientBlocks(name: string): readonly Tensor[] | undefined {
    return this.isTrainable ? this.#slot(name).blocks.map(({ gradient }) => gradient!) : undefined;
  }

  /**
   * Parameters of equal rows as one, [sum of their first dimensions, ...], if they lie next to each other
   * without a gap: one matmul then does the work of several, and its gradient lands in theirs. To be asked for
   * before a tape records. Undefined where they do not, as with sizes that are no multiples of 64, or with one that
   * lies in several blocks.
   */
  stacked(names: readonly string[]): Tensor | undefined {
    const key = names.join(' ');
    const known = this.#stacks.get(key);
    if (known !== undefined) return known.value;
    const blocks = names.flatMap((name) => this.#slot(name).blocks);
    const [first] = blocks;
    if (first === undefined || first.value.rank === 0 || blocks.length > names.length) return undefined;
    const row = first.value.shape.slice(1);
    let [end, rows] = [first.value.offset, 0];
    for (const { value } of blocks) {
      const fits =
        value.storage === first.value.storage && value.offset === end && value.shape.slice(1).join() === row.join();
      if (!fits) return undefined;
      end += value.size;
      rows += value.shape[0]!;
    }
    const shape = [rows, ...row];
    const over = (tensor: Tensor): Tensor => keep(tensor.view(shape, contiguousStrides(shape), tensor.offset));
    const stack = { value: over(first.value), gradient: first.gradient && over(first.gradient) };
    this.#stacks.set(key, stack);
    return stack.value;
  }

  /** Every tensor that has a gradient here: what a tape must watch. */
  watched(): Tensor[] {
    return this.#allBlocks().flatMap(({ value, gradient }) => (gradient ? [value] : []));
  }

  /** Overwrites one parameter from host values. Throws ToolError 'shape' for another number of them. */
  set(name: string, data: Float32Array): void {
    const { shape } = this.spec(name);
    if (data.length !== sizeOf(shape)) {
      throw new ToolError('shape', {
        op: `${this.label}/${name}`,
        expected: `${sizeOf(shape)} values for shape [${shape}]`,
        got: String(data.length),
      });
    }
    this.setRange(name, 0, data);
  }

  /**
   * Overwrites the elements of a parameter from `first` on, in the order of its rows, so that a file can be read in
   * pieces; see `overwriteRange`. Throws ToolError 'shape' for elements that the parameter does not have.
   */
  setRange(name: string, first: number, data: Float32Array): void {
    const { spec, blocks } = this.#slot(name);
    const size = sizeOf(spec.shape);
    if (!Number.isInteger(first) || first < 0 || first + data.length > size) {
      throw new ToolError('shape', {
        op: `${this.label}/${name}`,
        expected: `elements within 0 ... ${size}`,
        got: `${first} ... ${first + data.length}`,
      });
    }
    let start = 0;
    for (const { value } of blocks) {
      const [from, to] = [Math.max(first, start), Math.min(first + data.length, start + value.size)];
      if (from < to) overwriteRange(value, from - start, data.subarray(from - first, to - first));
      start += value.size;
    }
  }

  /** Reads the values of one parameter, all blocks one after the other. */
  async read(name: string): Promise<Float32Array> {
    const { spec, blocks } = this.#slot(name);
    const [first, ...rest] = (await readAll(blocks.map(({ value }) => value))) as Float32Array[];
    if (rest.length === 0) return first!;
    const values = new Float32Array(sizeOf(spec.shape));
    let at = 0;
    for (const part of [first!, ...rest]) {
      values.set(part, at);
      at += part.length;
    }
    return values;
  }

  /** Copies every value of another set with the same names and shapes. */
  copyFrom(other: Parameters): void {
    for (const [name, { blocks }] of this.#slots) {
      const sources = other.blocks(name);
      blocks.forEach(({ value }, i) => {
        copyInto(value, sources[i]!);
      });
    }
  }

  /** Sets all gradients to 0, on the device. Nothing for frozen parameters. */
  zeroGradients(): void {
    for (const arena of this.arenas) if (arena.gradients) fill(arena.gradients, 0);
  }

  /** Where a backward pass collects gradients, by tensor id. */
  destinations(): Map<number, Tensor> {
    const found = new Map<number, Tensor>();
    for (const { value, gradient } of this.#allBlocks()) {
      if (gradient) found.set(value.id, gradient);
    }
    return found;
  }

  /** Gives values and gradients back to the pool. */
  dispose(): void {
    for (const { value, gradient } of this.#allBlocks()) {
      value.dispose();
      gradient?.dispose();
    }
    for (const arena of this.arenas) {
      arena.values.dispose();
      arena.gradients?.dispose();
    }
  }

  #allBlocks(): Block[] {
    return [...[...this.#slots.values()].flatMap(({ blocks }) => blocks), ...this.#stacks.values()];
  }

  #single(name: string): Block {
    const { spec, blocks } = this.#slot(name);
    if (blocks.length === 1) return blocks[0]!;
    throw new ToolError('limit', {
      op: `${this.label}/${name}`,
      expected: 'a parameter within one storage binding of this adapter',
      got: `shape [${spec.shape}] in ${blocks.length} blocks of rows`,
      hint: 'ask for its `blocks`: linear, embedding and linearLogProbs take them as one matrix.',
    });
  }

  #slot(name: string): Slot {
    const slot = this.#slots.get(name);
    if (slot === undefined) {
      throw new ToolError('failed', { op: this.label, expected: 'the name of a parameter', got: name });
    }
    return slot;
  }
}

/** Most elements of an arena: of the largest buffer that the pool gives and a kernel can bind. */
function arenaElements(device: Device): number {
  const limit = Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize);
  return Math.floor(limit / 4 / SLOT_ELEMENTS) * SLOT_ELEMENTS;
}

function paddedSize(shape: Shape): number {
  return Math.ceil(Math.max(1, sizeOf(shape)) / SLOT_ELEMENTS) * SLOT_ELEMENTS;
}

/** The shapes of the blocks of a parameter. Throws ToolError 'limit' where not even a row fits an arena. */
function blockShapes(device: Device, { shape }: ParameterSpec, op: string): Shape[] {
  if (paddedSize(shape) <= arenaElements(device)) return [shape];
  const [rows, ...row] = shape;
  if (rows === undefined || row.length === 0) {
    throw new ToolError('limit', {
      op,
      expected: `at most ${arenaElements(device)} elements in one parameter of less than two dimensions (a storage binding of this adapter)`,
      got: String(sizeOf(shape)),
    });
  }
  return blockHeights(device, rows, 4 * sizeOf(row), op).map((height) => [height, ...row]);
}

function flat(device: Device, elements: number, label: string): Tensor {
  // Parameters outlive the scope that they are made in.
  const tensor = keep(Tensor.empty(device, [elements], 'f32', label));
  fill(tensor, 0);
  return tensor;
}
