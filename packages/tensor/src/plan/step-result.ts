import type { DType } from '../dtype.ts';
import type { Storage } from '../gpu/buffer-pool.ts';
import type { Device } from '../gpu/device.ts';
import type { Shape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { isPlainObject } from './step-signature.ts';

/** Where a tensor of the result lives: in an argument's buffer, in one made for each call, or in a fixed one. */
type Home = { readonly input: number } | { readonly output: number } | { readonly storage: Storage };

/** Stands for a tensor in the result of a recorded step. */
class ResultSlot {
  readonly home: Home;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly offset: number;

  constructor(home: Home, { dtype, shape, strides, offset }: Tensor) {
    this.home = home;
    this.dtype = dtype;
    this.shape = shape;
    this.strides = strides;
    this.offset = offset;
  }
}

/** What a recorded step returned, without the tensors of the recording. */
export class StepResult {
  readonly #template: unknown;
  /** The virtual buffers that the result lives in, in the order of the outputs that `build` takes. */
  readonly outputs: readonly Storage[];

  /** `inputs` are the buffers that stand for the arguments'. */
  constructor(result: unknown, inputs: readonly Storage[]) {
    const outputs: Storage[] = [];
    const homeOf = (storage: Storage): Home => {
      const input = inputs.indexOf(storage);
      if (input >= 0) return { input };
      if (!storage.isVirtual) return { storage };
      if (!outputs.includes(storage)) outputs.push(storage);
      return { output: outputs.indexOf(storage) };
    };
    this.#template = mapLeaves(result, (leaf) =>
      leaf instanceof Tensor ? new ResultSlot(homeOf(leaf.storage), leaf) : leaf,
    );
    this.outputs = outputs;
  }

  /** The result of one call around its buffers. Takes over one reference to each output. */
  build(device: Device, inputs: readonly Storage[], outputs: readonly Storage[]): unknown {
    const taken = new Set<Storage>();
    return mapLeaves(this.#template, (leaf) => {
      if (!(leaf instanceof ResultSlot)) return leaf;
      const { home, dtype, shape, strides, offset } = leaf;
      const storage = 'input' in home ? inputs[home.input]! : 'output' in home ? outputs[home.output]! : home.storage;
      if ('output' in home && !taken.has(storage)) taken.add(storage);
      else device.pool.retain(storage);
      return new Tensor(device, storage, dtype, shape, strides, offset);
    });
  }
}

function mapLeaves(value: unknown, replace: (leaf: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => mapLeaves(item, replace));
  if (value === null || typeof value !== 'object' || !isPlainObject(value)) return replace(value);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapLeaves(item, replace)]));
}
