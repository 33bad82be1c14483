import { Parameters } from '@dawngrad/autograd';
import { add, affine, clamp, type Device, indexSelect, linear, reshape, subtract, type Tensor } from '@dawngrad/tensor';

/** How a shaped critic makes its logit of reward and potential. */
export interface Shaping {
  /** Discount of the potential at a segment's end; 1 makes the shaping telescope. */
  readonly gamma: number;
  /** The shaping of a segment is held within -clamp .. clamp; null = as it is. */
  readonly clamp: number | null;
}

const DEFAULT_SHAPING: Shaping = { gamma: 1, clamp: null };

/** What a shaped critic says at each row, [N] each; only rows of marks mean anything but for `g`. */
export interface ShapedValues {
  /** The reward head at the row. */
  readonly g: Tensor;
  /** The potential before the segment that ends at the row, and at the row. */
  readonly before: Tensor;
  readonly after: Tensor;
  /** gamma * after - before, clamped. */
  readonly shape: Tensor;
  /** g + shape. */
  readonly f: Tensor;
}

/** The name of the potential's weights, which have a learning rate of their own. */
export const POTENTIAL = 'potential.weight';

/**
 * Two numbers without a bias off each hidden state: a reward g and a potential h (r-airl.md, section 3.1, shaped kind).
 * A segment that ends at row e and follows row s has f = g(e) + gamma h(e) - h(s): with gamma 1 the shaping
 * of a trace telescopes to h(last) - h(before the first), so that g is the reward up to a potential (Ng, Harada and
 * Russell, 1999; Fu, Luo and Levine, "Learning robust rewards with adversarial inverse RL", 2018, eq. 4). Starts at zero.
 */
export class ShapedHead {
  /** `reward.weight` [1, D] and `potential.weight` [1, D]. */
  readonly parameters: Parameters;
  readonly shaping: Shaping;

  constructor(device: Device, width: number, shaping: Shaping = DEFAULT_SHAPING) {
    this.shaping = shaping;
    this.parameters = new Parameters(
      device,
      'airl/shaped-head',
      [
        { name: 'reward.weight', shape: [1, width], decay: true },
        { name: POTENTIAL, shape: [1, width], decay: true },
      ],
      { trainable: true },
    );
  }

  /**
   * @param hidden [N, D]
   * @param before for each row the row before its segment, u32 [N]; any row where no segment ends
   */
  values(hidden: Tensor, before: Tensor): ShapedValues {
    const rows = hidden.shape[0]!;
    const read = (name: string): Tensor => reshape(linear(hidden, this.parameters.get(name)), [rows]);
    const g = read('reward.weight');
    const after = read(POTENTIAL);
    const earlier = indexSelect(after, 0, before);
    const { gamma, clamp: bound } = this.shaping;
    const change = subtract(gamma === 1 ? after : affine(after, gamma, 0), earlier);
    const shape = bound === null ? change : clamp(change, -bound, bound);
    return { g, before: earlier, after, shape, f: add(g, shape) };
  }

  dispose(): void {
    this.parameters.dispose();
  }
}
