import {
  contiguousStrides,
  copyInto,
  type Device,
  fill,
  keep,
  overwrite,
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

interface Slot {
  readonly spec: ParameterSpec;
  readonly value: Tensor;
  readonly gradient: Tensor | undefined;
}

/**
 * Named parameters in flat arenas, so that clipping, the check for non-finite values and the optimizer
 * are one launch each however many parameters there are. An arena is at most one storage binding.
 */
export class Parameters {
  readonly device: Device;
  readonly label: string;
  readonly arenas: readonly Arena[];
  readonly #slots = new Map<string, Slot>();
  readonly #stacks = new Map<string, Pick<Slot, 'value' | 'gradient'>>();

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
    const limit = Math.floor(Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize) / 4);
    const arenas: Arena[] = [];
    // Decaying parameters first: the order that saved optimizer states are in.
    const ordered = [...specs.filter((spec) => spec.decay), ...specs.filter((spec) => !spec.decay)];
    let group: { spec: ParameterSpec; offset: number }[] = [];
    let used = 0;
    const close = (): void => {
      if (group.length === 0) return;
      const values = flat(device, used, `${label}/values`);
      const gradients = options.trainable ? flat(device, used, `${label}/gradients`) : undefined;
      arenas.push({ values, gradients });
      for (const { spec, offset } of group) {
        const strides = contiguousStrides(spec.shape);
        this.#slots.set(spec.name, {
          spec,
          value: keep(values.view(spec.shape, strides, offset)),
          gradient: gradients && keep(gradients.view(spec.shape, strides, offset)),
        });
      }
      group = [];
      used = 0;
    };
    for (const spec of ordered) {
      const elements = Math.ceil(Math.max(1, sizeOf(spec.shape)) / SLOT_ELEMENTS) * SLOT_ELEMENTS;
      if (elements > limit) {
        throw new ToolError('limit', {
          op: `${label}/${spec.name}`,
          expected: `at most ${limit} elements in one parameter (a storage binding of this adapter)`,
          got: String(sizeOf(spec.shape)),
        });
      }
      if (used + elements > limit) close();
      group.push({ spec, offset: used });
      used += elements;
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

  /** The value of a parameter: a view of its arena. */
  get(name: string): Tensor {
    return this.#slot(name).value;
  }

  /** Shape and decay of a parameter. Throws ToolError 'failed' for a name that is none. */
  spec(name: string): ParameterSpec {
    return this.#slot(name).spec;
  }

  /** The gradient of a parameter, or undefined if the parameters are frozen. */
  gradient(name: string): Tensor | undefined {
    return this.#slot(name).gradient;
  }

  /**
   * Parameters of equal rows as one, [sum of their first dimensions, ...], if they lie next to each other
   * without a gap: one matmul then does the work of several, and its gradient lands in theirs. To be asked for
   * before a tape records. Undefined where they do not, as with sizes that are no multiples of 64.
   */
  stacked(names: readonly string[]): Tensor | undefined {
    const key = names.join(' ');
    const known = this.#stacks.get(key);
    if (known !== undefined) return known.value;
    const slots = names.map((name) => this.#slot(name));
    const [first] = slots;
    if (first === undefined || first.value.rank === 0) return undefined;
    const row = first.value.shape.slice(1);
    let [end, rows] = [first.value.offset, 0];
    for (const { value } of slots) {
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
    return [...this.#slots.values(), ...this.#stacks.values()].flatMap(({ value, gradient }) =>
      gradient ? [value] : [],
    );
  }

  /** Overwrites one parameter from host values. */
  set(name: string, data: Float32Array): void {
    overwrite(this.#slot(name).value, data);
  }

  /** Copies every value of another set with the same names and shapes. */
  copyFrom(other: Parameters): void {
    for (const [name, slot] of this.#slots) copyInto(slot.value, other.get(name));
  }

  /** Sets all gradients to 0, on the device. Nothing for frozen parameters. */
  zeroGradients(): void {
    for (const arena of this.arenas) if (arena.gradients) fill(arena.gradients, 0);
  }

  /** Where a backward pass collects gradients, by tensor id. */
  destinations(): Map<number, Tensor> {
    const found = new Map<number, Tensor>();
    for (const { value, gradient } of [...this.#slots.values(), ...this.#stacks.values()]) {
      if (gradient) found.set(value.id, gradient);
    }
    return found;
  }

  /** Gives values and gradients back to the pool. */
  dispose(): void {
    for (const { value, gradient } of [...this.#slots.values(), ...this.#stacks.values()]) {
      value.dispose();
      gradient?.dispose();
    }
    for (const arena of this.arenas) {
      arena.values.dispose();
      arena.gradients?.dispose();
    }
  }

  #slot(name: string): Slot {
    const slot = this.#slots.get(name);
    if (slot === undefined) {
      throw new ToolError('failed', { op: this.label, expected: 'the name of a parameter', got: name });
    }
    return slot;
  }
}

function flat(device: Device, elements: number, label: string): Tensor {
  // Parameters outlive the scope that they are made in.
  const tensor = keep(Tensor.empty(device, [elements], 'f32', label));
  fill(tensor, 0);
  return tensor;
}
