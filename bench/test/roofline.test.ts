import { expect, test } from 'vitest';
import { rooflineShare } from '../src/roofline.ts';

const ceilings = { gflops: 100, gbytes: 10 };

test('arithmetic bounds work that reuses its data', () => {
  // 1e9 operations at 100 GFLOP/s take 10 ms at least.
  expect(rooflineShare({ flops: 1e9, bytes: 1e6 }, 40, ceilings)).toBeCloseTo(0.25, 12);
});

test('memory bounds work that touches each value once', () => {
  // 1e8 bytes at 10 GB/s take 10 ms at least.
  expect(rooflineShare({ flops: 1e6, bytes: 1e8 }, 20, ceilings)).toBeCloseTo(0.5, 12);
});
