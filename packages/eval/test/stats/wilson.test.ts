import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wilsonInterval } from '../../src/stats/wilson.ts';

describe('Wilson interval', () => {
  it('has the published values', () => {
    // Newcombe 1998 (Statistics in Medicine 17, table I), method 3: 81/263, 15/148, 0/20, 1/29.
    const table = [
      [81, 263, 0.2553, 0.3662],
      [15, 148, 0.0624, 0.1605],
      [0, 20, 0, 0.1611],
      [1, 29, 0.0061, 0.1718],
    ] as const;
    for (const [successes, n, low, high] of table) {
      expect(wilsonInterval(successes, n).low).toBeCloseTo(low, 4);
      expect(wilsonInterval(successes, n).high).toBeCloseTo(high, 4);
    }
  });

  it('solves the score equation at both ends', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.double({ min: 0, max: 1, noNaN: true }), (n, share) => {
        const successes = Math.floor(share * n);
        const p = successes / n;
        for (const end of Object.values(wilsonInterval(successes, n))) {
          if (end === 0 || end === 1) continue;
          expect(Math.abs(p - end) / Math.sqrt((end * (1 - end)) / n)).toBeCloseTo(1.959964, 4);
        }
      }),
    );
  });
});
