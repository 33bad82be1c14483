import { describe, expect, it } from 'vitest';
import { tokenWeights } from '../../src/loss/token-weights.ts';
import { wholeTrace } from '../../src/train/whole-trace.ts';

describe('wholeTrace', () => {
  it('counts the tokens of the prompt (D21), all but the first, which nothing predicts', () => {
    const trace = {
      promptIds: Uint32Array.of(4, 5, 6),
      completionIds: Uint32Array.of(7, 8, 9),
      forced: Uint8Array.of(0, 1, 0),
    };
    const whole = wholeTrace(trace);
    expect([...whole.promptIds]).toEqual([4]);
    expect([...whole.completionIds]).toEqual([5, 6, 7, 8, 9]);
    expect([...tokenWeights([whole], 'token')[0]!].map((weight) => weight > 0)).toEqual([
      true,
      true,
      true,
      false,
      true,
    ]);
    // Completions alone: what is masked is the prompt, and what the environment wrote.
    expect([...tokenWeights([trace], 'token')[0]!]).toEqual([0.5, 0, 0.5]);
  });
});
