import { ToolError } from '@dawngrad/tensor';
import { describe, expect, it } from 'vitest';
import { estimateAdvantages } from '../src/credit/advantage.ts';
import type { AdvantageEstimator } from '../src/credit/estimators/estimator.ts';
import { ESTIMATORS, estimators, registerEstimator } from '../src/credit/estimators/table.ts';
import type { ScoredCompletion } from '../src/credit/scored-completion.ts';
import { bce } from '../src/critic/objectives/bce.ts';
import type { CriticObjective } from '../src/critic/objectives/objective.ts';
import { registerCriticLoss } from '../src/critic/objectives/table.ts';
import { collectExamples } from '../src/data/collect-examples.ts';
import { requiredText } from '../src/data/data-row.ts';
import type { Dataset } from '../src/data/dataset.ts';
import { registerDataset } from '../src/data/datasets.ts';

const raw: AdvantageEstimator = ({ completions }) => completions.map(() => ({ mean: 0, divisor: 2 }));
const options = { level: 'sequence', scale: 'group', gamma: 1 } as const;
const completions: ScoredCompletion[] = [3, 5].map((reward) => ({
  group: 0,
  rewards: Float32Array.of(reward),
  segments: [{ start: 0, end: 0 }],
}));

function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof ToolError) return error.message;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('a registered estimator', () => {
  it('gives advantages under its name until it is taken back', () => {
    const registration = registerEstimator('raw', raw);
    expect(estimateAdvantages(completions, { ...options, estimator: 'raw' }).perToken).toEqual([
      Float32Array.of(1.5),
      Float32Array.of(2.5),
    ]);
    expect(estimators.names).toEqual([...Object.keys(ESTIMATORS), 'raw']);
    registration[Symbol.dispose]();
    expect(messageOf(() => estimateAdvantages(completions, { ...options, estimator: 'raw' }))).toBe(
      'credit.estimator: expected one of group, dr_grpo, rloo, reinforce_pp, got "raw".',
    );
  });

  it.each<[string, AdvantageEstimator, string]>([
    ['too few', () => [], 'got 0 of them'],
    [
      'a mean that is no number',
      () => [1, Number.NaN].map((mean) => ({ mean, divisor: 1 })),
      'mean NaN and divisor 1 of completion 2',
    ],
    ['a divisor of 0', () => [1, 1].map((mean) => ({ mean, divisor: 0 })), 'mean 1 and divisor 0 of completion 1'],
    ['holes', () => new Array(2).fill(undefined), 'mean undefined and divisor undefined of completion 1'],
    ['nothing', (() => undefined) as unknown as AdvantageEstimator, 'got nothing'],
  ])('that gives %s ends the run with its name', (_, estimator, got) => {
    const registration = registerEstimator('wrong', estimator);
    try {
      const message = messageOf(() => estimateAdvantages(completions, { ...options, estimator: 'wrong' }));
      expect(message).toContain('advantage estimator "wrong": expected a finite mean and a divisor other than 0');
      expect(message).toContain(got);
    } finally {
      registration[Symbol.dispose]();
    }
  });
});

it('a registered data set makes examples of rows, and asks for experts where its name says so', () => {
  const dataset: Dataset = {
    fields: '{q, a}',
    checker: 'numeric',
    toExample: (row) => ({ prompt: requiredText(row, 'q'), answer: requiredText(row, 'a') }),
  };
  const line = '{"q":"1 + 1","a":2}';
  const registrations = ['pairs', 'pairs_kd'].map((name) => registerDataset(name, dataset));
  try {
    expect(collectExamples('pairs', [line], 'rows.jsonl').examples).toMatchObject([{ prompt: '1 + 1', answer: '2' }]);
    expect(messageOf(() => collectExamples('pairs_kd', [line], 'rows.jsonl'))).toMatch(/^rows.jsonl:1: expected/);
  } finally {
    for (const one of registrations) one[Symbol.dispose]();
  }
});

describe('registration refuses', () => {
  it.each<[string, () => unknown, string]>([
    [
      'a name that is taken',
      () => registerEstimator('rloo', raw),
      'advantage estimator "rloo": expected a name of its own; credit.estimator has group, dr_grpo, rloo, reinforce_pp, got one that is taken.',
    ],
    ['a name that is none', () => registerEstimator('My Estimator', raw), 'expected a name of small letters'],
    ['no function', () => registerEstimator('raw', 1 as unknown as AdvantageEstimator), 'got a number'],
    [
      'a loss without its unit',
      () => registerCriticLoss('l', { ...bce, unit: 'token' } as unknown as CriticObjective),
      'critic loss "l": expected unit "mark" or "sequence", got "token".',
    ],
    ['a loss for no kind of critic', () => registerCriticLoss('l', { ...bce, kinds: [] }), 'got []'],
    [
      'a loss that prepares nothing',
      () => registerCriticLoss('l', { ...bce, prepare: undefined } as unknown as CriticObjective),
      'a function "prepare", got nothing',
    ],
    [
      'a data set without a checker',
      () => registerDataset('d', { fields: '', toExample: () => undefined } as unknown as Dataset),
      'data set "d": expected checker',
    ],
    ['a data set that is a list', () => registerDataset('d', [] as unknown as Dataset), 'got nothing'],
  ])('%s', (_, act, message) => {
    expect(messageOf(act)).toContain(message);
  });
});
