import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { averageRanks, pearson, spearman } from '../../src/stats/correlation.ts';

const X = [3, 1, 2, 2, 5, 5, 5, 0];
const Y = [1, 0, 1, 1, 0, 1, 1, 0];

describe('correlations', () => {
  // stats.rankdata, spearmanr and pointbiserialr of SciPy 1.17.1.
  it('share ranks between ties (D30)', () => {
    expect([...averageRanks(X)]).toEqual([5, 2, 3.5, 3.5, 7, 7, 7, 1]);
    expect(spearman(X, Y)).toBeCloseTo(0.40669502564188875, 12);
    expect(pearson(X, Y)).toBeCloseTo(0.3697893806567621, 12);
  });

  it('do not depend on the order of the pairs, also where values tie', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 8 }), (order) => {
        const permuted = spearman(
          order.map((i) => X[i]!),
          order.map((i) => Y[i]!),
        );
        expect(permuted).toBeCloseTo(spearman(X, Y), 12);
      }),
    );
  });

  it('of ranks do not change under a rising function', () => {
    expect(
      spearman(
        X.map((x) => Math.exp(x) - 7),
        Y,
      ),
    ).toBeCloseTo(spearman(X, Y), 12);
  });

  it('are not a number for a constant column', () => {
    expect(pearson([0.1, 0.1, 0.1], [1, 2, 3])).toBeNaN();
  });
});
