import { type ParameterSpec, Parameters } from '@dawngrad/autograd';
import { affine, type Device, linear, Rng, type Shape, type Tensor, ToolError } from '@dawngrad/tensor';

export interface LoraOptions {
  readonly rank: number;
  /** The update is scaled by alpha / rank. */
  readonly alpha: number;
  /** Last parts of the names of the linears that get an adapter, such as `q_proj`. */
  readonly targets: readonly string[];
  readonly seed: number;
}

const LORA_STREAM = 0x10a;

/**
 * Low-rank adapters: y = x W^T + (alpha / rank) (x A^T) B^T with A [R, in] random and B [out, R] zero, so
 * that a fresh adapter changes nothing (Hu et al., "LoRA", 2021).
 */
export class LoraAdapters {
  readonly options: LoraOptions;
  /** `<linear>.lora_A.weight` [R, in] and `<linear>.lora_B.weight` [out, R]. */
  readonly parameters: Parameters;
  readonly #adapted: ReadonlySet<string>;

  /** `linears` maps names of linears (without `.weight`) to weight shapes [out, in]. */
  constructor(device: Device, linears: ReadonlyMap<string, Shape>, options: LoraOptions) {
    const chosen = [...linears].filter(([name]) =>
      options.targets.some((target) => name === target || name.endsWith(`.${target}`)),
    );
    if (!Number.isInteger(options.rank) || options.rank < 1 || chosen.length === 0) {
      throw new ToolError('config', {
        op: 'lora',
        expected: `a rank of at least 1 and targets among ${[...new Set([...linears.keys()].map((name) => name.split('.').pop()))].join(', ')}`,
        got: `rank ${options.rank}, targets ${options.targets.join(', ') || 'none'}`,
      });
    }
    this.options = options;
    this.#adapted = new Set(chosen.map(([name]) => name));
    const specs = chosen.flatMap(([name, shape]): ParameterSpec[] => [
      { name: `${name}.lora_A.weight`, shape: [options.rank, shape[1]!], decay: true },
      { name: `${name}.lora_B.weight`, shape: [shape[0]!, options.rank], decay: true },
    ]);
    this.parameters = new Parameters(device, 'models/lora', specs, { trainable: true });
    const rng = new Rng(options.seed, LORA_STREAM);
    chosen.forEach(([name, shape], index) => {
      // Kaiming-uniform with a = sqrt(5), as PEFT initialises A: uniform in +-1 / sqrt(in).
      const bound = 1 / Math.sqrt(shape[1]!);
      const data = Float32Array.from(
        { length: options.rank * shape[1]! },
        (_, i) => (2 * rng.uniform(index, i) - 1) * bound,
      );
      this.parameters.set(`${name}.lora_A.weight`, data);
    });
  }

  has(linearName: string): boolean {
    return this.#adapted.has(linearName);
  }

  /** The adapter's part of y for x [N, in]: [N, out]. */
  delta(linearName: string, x: Tensor): Tensor {
    const { rank, alpha } = this.options;
    const low = linear(x, this.parameters.get(`${linearName}.lora_A.weight`));
    return linear(affine(low, alpha / rank, 0), this.parameters.get(`${linearName}.lora_B.weight`));
  }

  dispose(): void {
    this.parameters.dispose();
  }
}
