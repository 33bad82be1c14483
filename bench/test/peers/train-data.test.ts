import { expect, test } from 'vitest';
import { initialWeights, trainTokens } from '../../src/peers/train-data.ts';
import { type TrainWorkload, workloads } from '../../src/peers/workload.ts';

const workload = workloads.find((found): found is TrainWorkload => found.kind === 'train')!;

test('targets are the inputs one token later, within each sequence', () => {
  const { inputs, targets } = trainTokens(workload);
  const { sequences, tokens, vocabulary } = workload;
  expect(inputs.length).toBe(sequences * tokens);
  for (let i = 0; i < inputs.length; i++) {
    if ((i + 1) % tokens !== 0) expect(targets[i]).toBe(inputs[i + 1]);
    expect(inputs[i]).toBeLessThan(vocabulary);
  }
});

test('weights have the size of their shape, and norms start at one', () => {
  for (const { name, shape, values } of initialWeights(workload)) {
    expect(values.length, name).toBe(shape.reduce((a, b) => a * b, 1));
    if (shape.length === 1) expect(values.every((value) => value === 1)).toBe(true);
    else expect(new Set(values).size).toBeGreaterThan(values.length / 2);
  }
});
