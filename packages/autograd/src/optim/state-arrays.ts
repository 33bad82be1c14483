import { type HostArray, launchPlan, readAll, Tensor, ToolError } from '@dawngrad/tensor';
import { planCopyWords } from '../kernels/copy-words.wgsl.ts';
import type { OptimizerState } from './optimizer.ts';

/** The tensors of an optimizer's state by name, one an arena, and their way to a checkpoint and back. */
export class StateArrays {
  readonly #op: string;
  readonly #arrays: Readonly<Record<string, readonly Tensor[]>>;

  constructor(op: string, arrays: Readonly<Record<string, readonly Tensor[]>>) {
    this.#op = op;
    this.#arrays = arrays;
  }

  /** Bytes on the device. */
  get bytes(): number {
    return Object.values(this.#arrays)
      .flat()
      .reduce((total, { size }) => total + 4 * size, 0);
  }

  async read(step: number): Promise<OptimizerState> {
    const names = Object.keys(this.#arrays);
    const values = await readAll(names.flatMap((name) => this.#arrays[name]!));
    const state: Record<string, number | HostArray[]> = { step };
    for (const name of names) state[name] = values.splice(0, this.#arrays[name]!.length);
    return state as OptimizerState;
  }

  /** Checks the lengths of all arrays before it writes the first. */
  restore(state: OptimizerState): void {
    const describe = (arrays: readonly { length: number }[]): string => arrays.map(({ length }) => length).join();
    for (const [name, tensors] of Object.entries(this.#arrays)) {
      const given = state[name];
      const expected = describe(tensors.map(({ size }) => ({ length: size })));
      const got = typeof given === 'object' ? describe(given) : String(given);
      if (got === expected) continue;
      throw new ToolError('corrupt', { op: this.#op, expected: `${name} of ${expected} values`, got });
    }
    for (const [name, tensors] of Object.entries(this.#arrays)) {
      tensors.forEach((tensor, i) => {
        writeBits(tensor, (state[name] as readonly HostArray[])[i]!);
      });
    }
  }

  dispose(): void {
    for (const tensor of Object.values(this.#arrays).flat()) tensor.dispose();
  }
}

/** Overwrites a tensor of 32-bit words bit by bit, after everything recorded before. */
function writeBits(tensor: Tensor, data: HostArray): void {
  const staged = Tensor.from(tensor.device, data, tensor.shape, tensor.dtype, 'autograd/restore');
  launchPlan(planCopyWords(tensor.size), [staged], [tensor]);
  staged.dispose();
}
