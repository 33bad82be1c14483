import { type Device, type DType, fill, keep, type Shape, Tensor, ToolError } from '@dawngrad/tensor';
import type { Arena, Parameters } from '../parameters.ts';

/** One trainable parameter, or a block of its rows, and where it lies. */
export interface ArenaSlot {
  readonly name: string;
  /** Of the block: Muon and Adafactor take it for a matrix of its own. */
  readonly shape: Shape;
  /** Whether weight decay applies. */
  readonly decay: boolean;
  /** First element within the arena; a multiple of 64. */
  readonly offset: number;
  /** Elements, without the padding behind them. */
  readonly size: number;
}

/** An arena with gradients, and the parameters in it by offset. */
export interface TrainableArena extends Arena {
  readonly gradients: Tensor;
  readonly slots: readonly ArenaSlot[];
}

/** The arenas of one or several sets of parameters, as an optimizer sees them. */
export class ArenaSet {
  readonly device: Device;
  readonly label: string;
  readonly arenas: readonly TrainableArena[];

  /** Throws ToolError 'failed' for frozen parameters, or none. `op` names the optimizer. */
  constructor(op: string, parameters: Parameters | readonly Parameters[]) {
    const sets = 'arenas' in parameters ? [parameters] : parameters;
    const frozen = sets.find((set) => !set.isTrainable);
    const [first] = sets;
    if (first === undefined || frozen !== undefined) {
      throw new ToolError('failed', {
        op,
        expected: 'trainable parameters',
        got: frozen === undefined ? 'none' : `${frozen.label}, which are frozen or none`,
      });
    }
    this.device = first.device;
    this.label = `${first.label}/${op}`;
    this.arenas = sets.flatMap((set) => set.arenas.map((arena) => trainableArena(set, arena)));
  }

  /** A tensor for each arena, zeroed, that outlives every scope. */
  tensors(name: string, sizeOf: (arena: TrainableArena) => number, dtype: DType = 'f32'): Tensor[] {
    return this.arenas.map((arena) => {
      const tensor = keep(Tensor.empty(this.device, [sizeOf(arena)], dtype, `${this.label}/${name}`));
      // The bits of zero are the same in every type.
      const words = dtype === 'f32' ? tensor : keep(new Tensor(this.device, tensor.storage, 'f32', tensor.shape));
      if (words !== tensor) this.device.pool.retain(tensor.storage);
      fill(words, 0);
      if (words !== tensor) words.dispose();
      return tensor;
    });
  }
}

function trainableArena(set: Parameters, arena: Arena): TrainableArena {
  const slots = set.names
    .flatMap((name) => set.blocks(name).map((value) => ({ name, value, decay: set.spec(name).decay })))
    .filter(({ value }) => value.storage === arena.values.storage)
    .map(({ name, value, decay }) => ({ name, decay, shape: value.shape, offset: value.offset, size: value.size }))
    .sort((a, b) => a.offset - b.offset);
  return { ...arena, gradients: arena.gradients!, slots };
}
