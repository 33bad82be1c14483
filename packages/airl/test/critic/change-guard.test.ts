import { Adamw, accumulateGradients, Parameters } from '@dawngrad/autograd';
import { multiply, readAll, scope, sum } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChangeGuard } from '../../src/critic/change-guard.ts';
import type { CriticUpdateResult } from '../../src/critic/critic-update.ts';

let device: Awaited<ReturnType<typeof openDevice>>;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const result = (gradientNorm: number, change: Partial<CriticUpdateResult> = {}): CriticUpdateResult => ({
  lr: 1e-3,
  loss: 1,
  gradientNorm,
  nonFinite: 0,
  positiveLogits: [0.5],
  negativeLogits: [-0.5],
  ...change,
});

/** Two sets of parameters under one optimiser, as a critic and its head are. */
async function guarded(
  test: (parts: {
    readonly step: (lr: number) => void;
    readonly check: (update: number, of: CriticUpdateResult, mayVanish?: boolean) => Promise<void>;
    readonly optimizer: Adamw;
  }) => Promise<void>,
) {
  const sets = ['trunk', 'head'].map((name) => {
    const set = new Parameters(device, name, [{ name: `${name}.weight`, shape: [3, 5], decay: false }], {
      trainable: true,
    });
    set.set(
      `${name}.weight`,
      Float32Array.from({ length: 15 }, (_, i) => 0.1 * (i + 1)),
    );
    return set;
  });
  const optimizer = new Adamw(sets);
  const guard = new ChangeGuard(sets, optimizer);
  try {
    await guard.begin();
    await test({
      optimizer,
      step(lr) {
        scope(() => {
          accumulateGradients(sets, () => {
            const value = sets[1]!.get('head.weight');
            return { loss: sum(multiply(value, value)) };
          });
          optimizer.step(lr);
        });
      },
      async check(update, of, mayVanish = false) {
        const watched = guard.watch();
        const [sums] = await readAll([watched.checksum]);
        watched.checksum.dispose();
        guard.check(update, of, watched, sums![0]!, mayVanish);
      },
    });
  } finally {
    optimizer.dispose();
    for (const set of sets) set.dispose();
  }
}

describe('ChangeGuard', () => {
  it('D14: tells an update whose optimiser did nothing from one that changed a single set of weights', async () => {
    await guarded(async ({ step, check }) => {
      step(1e-3);
      await check(1, result(2));
      // No step at all: the reference's optimiser, held back by gradient accumulation.
      await expect(check(2, result(2))).rejects.toThrow(/critic update 2: expected changed weights .* D14/);
      step(1e-3);
      await check(3, result(2));
    });
  });

  it('sees the change of last bits', async () => {
    await guarded(async ({ step, check }) => {
      // The first step of AdamW has the size of its rate: one or a few last bits of weights of 0.1 to 1.5.
      step(2 ** -23);
      await check(1, result(2, { lr: 2 ** -23 }));
    });
  });

  it('asks for no change where there can be none: no rate, a skipped step, values that are not finite', async () => {
    await guarded(async ({ check, optimizer }) => {
      await check(1, result(2, { lr: 0 }));
      await check(2, result(2, { nonFinite: 3 }));
      optimizer.skipAbove = 1.5;
      await check(3, result(2));
      await expect(check(4, result(1))).rejects.toThrow(/same bits/);
    });
  });

  it('names the reason of a gradient of 0', async () => {
    await guarded(async ({ check }) => {
      const saturated = result(0, { positiveLogits: [40, 30], negativeLogits: [-35] });
      await expect(check(1, saturated)).rejects.toThrow(/every logit is beyond 16: the critic is saturated/);
      await expect(check(2, result(0))).rejects.toThrow(/the same traces to it, or nothing of it is trained/);
      await check(3, result(0), true);
    });
  });
});
