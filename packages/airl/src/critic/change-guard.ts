import type { Adamw, Parameters } from '@dawngrad/autograd';
import { add, read, scope, sum, Tensor, ToolError } from '@dawngrad/tensor';
import type { CriticUpdateResult } from './critic-update.ts';

/** Half the distance between 1 and the next f32: a learning rate below it may leave every weight as it is. */
const LEAST_RATE = 2 ** -24;

/** An update as the guard saw it. */
export interface WatchedUpdate {
  /** Of all trained weights after the update, [1]. */
  readonly checksum: Tensor;
  /** The norm above which the optimiser left the update out. */
  readonly skipAbove: number | undefined;
}

/**
 * Makes sure that every update of the critic changed it (D14: the reference's second optimiser did nothing for a
 * while, and nobody saw). The bits of all trained weights are summed on the device, as 32-bit integers that wrap, so
 * that one changed weight changes the sum; the host compares the sums when it reads the update's numbers.
 */
export class ChangeGuard {
  readonly #parameters: readonly Parameters[];
  readonly #optimizer: Adamw;
  #last: number | undefined;

  constructor(parameters: readonly Parameters[], optimizer: Adamw) {
    this.#parameters = parameters;
    this.#optimizer = optimizer;
  }

  /** To be called before the first update, and after anything else wrote the weights. */
  async begin(): Promise<void> {
    this.#last = undefined;
    const checksum = this.#checksum();
    this.#last = (await read(checksum))[0];
    checksum.dispose();
  }

  /** To be called after each update is recorded. The checksum is the caller's to dispose. */
  watch(): WatchedUpdate {
    return { checksum: this.#checksum(), skipAbove: this.#optimizer.skipAbove };
  }

  /**
   * Compares an update with the one before it. A gradient of exactly 0 is an error too, with `mayVanish` excepted;
   * one that is not finite, and a step left out, change nothing and are somebody else's matter.
   *
   * @throws ToolError `failed`
   */
  check(
    update: number,
    result: CriticUpdateResult,
    { skipAbove }: WatchedUpdate,
    checksum: number,
    mayVanish: boolean,
  ) {
    const { gradientNorm, nonFinite, lr } = result;
    const isSame = checksum === this.#last;
    this.#last = checksum;
    if (nonFinite > 0 || (skipAbove !== undefined && gradientNorm > skipAbove)) return;
    if (gradientNorm === 0) {
      if (mayVanish) return;
      throw new ToolError('failed', {
        op: `critic update ${update}`,
        expected: 'a gradient that is not 0',
        got: `0, ${vanishedBy(result)}`,
        hint: 'a critic whose gradient is 0 learns nothing more and its rewards stand still.',
      });
    }
    if (!isSame || lr < LEAST_RATE) return;
    throw new ToolError('failed', {
      op: `critic update ${update}`,
      expected: `changed weights after a step of learning rate ${lr} along a gradient of norm ${Number(gradientNorm.toPrecision(3))}`,
      got: 'the same bits as before',
      hint: 'the optimiser did not reach the weights: its rewards would be those of an untrained critic (defect D14).',
    });
  }

  #checksum(): Tensor {
    return scope(() =>
      this.#parameters
        .flatMap(({ device, arenas }) =>
          arenas.map(({ values }) => {
            device.pool.retain(values.storage);
            return sum(new Tensor(device, values.storage, 'u32', values.shape));
          }),
        )
        .reduce(add),
    );
  }
}

/** Logits beyond these give a sigmoid that f32 rounds to 0 or 1. */
const SATURATED = 16;

function vanishedBy({ positiveLogits, negativeLogits }: CriticUpdateResult): string {
  const least = (values: readonly number[]): number =>
    values.reduce((found, value) => Math.min(found, Math.abs(value)), Number.POSITIVE_INFINITY);
  const logit = Math.min(least(positiveLogits), least(negativeLogits));
  return logit > SATURATED
    ? `since every logit is beyond ${SATURATED}: the critic is saturated (lower critic.lr, raise critic.label_smoothing)`
    : 'although its logits are not saturated: experts and negatives are the same traces to it, or nothing of it is trained';
}
