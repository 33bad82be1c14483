import type { Parameters } from '@dawngrad/autograd';
import type { Shape, Tensor, WeightFormat } from '@dawngrad/tensor';
import type { BaseWeights, MatrixBlocks } from './base-weights.ts';

/** Weights in f32 that an optimizer may train. */
export class ParameterWeights implements BaseWeights {
  readonly parameters: Parameters;
  #users = 1;

  /** Takes over the parameters. `stacks`: groups of names that the model multiplies by as one. */
  constructor(parameters: Parameters, stacks: readonly (readonly string[])[]) {
    this.parameters = parameters;
    // Asked for once before any tape records: a stack has a gradient of its own.
    for (const names of stacks) parameters.stacked(names);
  }

  get names(): readonly string[] {
    return this.parameters.names;
  }

  get bytes(): number {
    return this.parameters.arenas.reduce((total, { values }) => total + values.storage.bytes, 0);
  }

  has(name: string): boolean {
    return this.parameters.has(name);
  }

  shape(name: string): Shape {
    return this.parameters.spec(name).shape;
  }

  format(): WeightFormat {
    return 'f32';
  }

  vector(name: string): Tensor {
    return this.parameters.get(name);
  }

  matrix(name: string): MatrixBlocks {
    return this.parameters.blocks(name);
  }

  stacked(names: readonly string[]): MatrixBlocks | undefined {
    const stack = this.parameters.stacked(names);
    return stack && [stack];
  }

  stackedVector(names: readonly string[]): Tensor | undefined {
    return this.parameters.stacked(names);
  }

  async read(name: string): Promise<Float32Array> {
    return this.parameters.read(name);
  }

  retain(): void {
    this.#users++;
  }

  dispose(): void {
    if (--this.#users === 0) this.parameters.dispose();
  }
}
