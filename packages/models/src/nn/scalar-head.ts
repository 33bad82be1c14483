import { Parameters } from '@dawngrad/autograd';
import { type Device, linear, reshape, type Tensor } from '@dawngrad/tensor';

/** Reads one number off each hidden state: value = w·h + b. Starts at zero. */
export class ScalarHead {
  /** `score.weight` [1, D] and `score.bias` [1]. */
  readonly parameters: Parameters;

  constructor(device: Device, width: number) {
    this.parameters = new Parameters(
      device,
      'models/scalar-head',
      [
        { name: 'score.weight', shape: [1, width], decay: true },
        { name: 'score.bias', shape: [1], decay: false },
      ],
      { trainable: true },
    );
  }

  /** hidden [N, D]: values [N]. */
  values(hidden: Tensor): Tensor {
    const out = linear(hidden, this.parameters.get('score.weight'), { bias: this.parameters.get('score.bias') });
    return reshape(out, [hidden.shape[0]!]);
  }

  dispose(): void {
    this.parameters.dispose();
  }
}
