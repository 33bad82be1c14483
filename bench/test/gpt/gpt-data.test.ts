import { expect, test } from 'vitest';
import { gptTokens, initialWeights } from '../../src/gpt/gpt-data.ts';
import { GPT_SIZES } from '../../src/gpt/gpt-size.ts';

const size = GPT_SIZES[0]!;

test('targets are the inputs one token later, within each sequence', () => {
  const { inputs, targets } = gptTokens(size);
  const { sequences, tokens, vocabulary } = size;
  expect(inputs.length).toBe(sequences * tokens);
  for (let i = 0; i < inputs.length; i++) {
    if ((i + 1) % tokens !== 0) expect(targets[i]).toBe(inputs[i + 1]);
    expect(inputs[i]).toBeLessThan(vocabulary);
  }
});

test('weights have the size of their shape, gains start at one and biases at zero', () => {
  for (const { name, shape, values } of initialWeights(size)) {
    expect(values.length, name).toBe(shape.reduce((a, b) => a * b, 1));
    if (shape.length === 1) expect(new Set(values)).toEqual(new Set([/bias/i.test(name) ? 0 : 1]));
    else expect(new Set(values).size).toBeGreaterThan(values.length / 2);
  }
});
