import { describe, expect, it } from 'vitest';
import { parseAnnotation, saysAnswerOnly } from '../../src/localise/annotation.ts';
import type { JudgedRow } from '../../src/localise/judge.ts';
import { harmonicMean } from '../../src/localise/process-f1.ts';
import { type LabelledOptions, type SpanTrace, summariseSpans } from '../../src/localise/span-summary.ts';
import { summariseSteps } from '../../src/localise/step-summary.ts';
import type { StepTrace } from '../../src/localise/step-trace.ts';
import {
  type AnnotatedCase,
  labelledUnit,
  scoreSpan,
  summariseUnits,
  unitOfLargestChange,
} from '../../src/localise/unit-summary.ts';
import { falling, signals } from './pairs.ts';

const OPTIONS: LabelledOptions = {
  intervals: [1, 15],
  windows: [1, 7],
  hitKs: [1, 3],
  window: 1,
  dev: new Set(),
  resamples: 200,
  seed: 13,
};

const row = (rows: readonly JudgedRow[], localiser: string): JudgedRow =>
  rows.find((one) => one.localiser === localiser)!;

function spanTrace(id: string, length: number, error: readonly number[], critic: readonly number[]): SpanTrace {
  return {
    id,
    cluster: id,
    stratum: 'all',
    errorTokens: error,
    signals: signals({ critic, logp: falling(length, length - 2), entropy: new Array<number>(length).fill(1) }),
  };
}

describe('labelled spans', () => {
  const traces = [
    spanTrace('a', 60, [31, 32], falling(60, 31)),
    spanTrace('b', 45, [16], falling(45, 16)),
    spanTrace('c', 60, [45, 46, 47], falling(60, 47)),
  ];

  it('judges every signal on the token grid and on buckets, beside the chance of the same grid', () => {
    const { grids, n_traces } = summariseSpans(traces, OPTIONS);
    expect(n_traces).toBe(3);
    const [token, bucket] = grids;
    expect(row(token!.rows, 'critic, largest drop').hit['1']!.value!.value).toBeCloseTo(2 / 3, 12);
    expect(row(token!.rows, 'critic, largest drop').hit['7']!.value!.value).toBe(1);
    // Transitions into tokens 1 ... T - 1 are the candidates.
    expect(row(token!.rows, 'chance').hit['7']!.value!.value).toBeCloseTo((15 / 59 + 15 / 44 + 15 / 59) / 3, 12);
    expect(row(bucket!.rows, 'chance').hit['7']!.value!.value).toBeCloseTo((3 / 3 + 2 / 2 + 2 / 3) / 3, 12);
    expect(row(bucket!.rows, 'critic, largest drop').hit['1']!.value!.value).toBe(1);
    expect(row(token!.rows, 'log-probability drop').hit['7']!.value!.value).toBe(0);
  });

  it('has the average precision of the span, one and a half where one of two is found first', () => {
    const [token] = summariseSpans([traces[0]!], { ...OPTIONS, intervals: [1] }).grids;
    // The drop is into token 31; token 32 ties with all others, which stand in order: rank 32 of 59.
    expect(row(token!.rows, 'critic, largest drop').map!.value!.value).toBeCloseTo((1 + 2 / 32) / 2, 12);
    const chance = row(token!.rows, 'chance').map!;
    expect(chance.value!.value).toBeGreaterThan(0);
    expect(chance.above_chance!.value).toBeCloseTo(0, 12);
  });

  it('compares with the clean trace where there is one, and counts those', () => {
    const withClean = { ...traces[2]!, clean: signals({ critic: new Array<number>(60).fill(1) }) };
    const [token] = summariseSpans([traces[0]!, withClean], { ...OPTIONS, intervals: [1] }).grids;
    const difference = row(token!.rows, 'critic, clean - edited');
    expect(difference.n).toBe(1);
    expect(difference.hit['7']!.value!.value).toBe(1);
  });

  it('is the same in any order, and leaves dev traces out', () => {
    const options = { ...OPTIONS, dev: new Set(['b']) };
    const found = summariseSpans(traces, options);
    expect(found.n_traces).toBe(2);
    expect(row(found.grids[0]!.rows, 'critic, below threshold').hit_at_k).toBeNull();
    expect(row(found.grids[0]!.rows, 'critic, below threshold').hit['7']!.value!.value).toBe(1);
    expect(JSON.stringify(summariseSpans([...traces].reverse(), options))).toBe(JSON.stringify(found));
  });

  it('draws as many traces of each stratum as there are', () => {
    const strata = traces.map((trace, i) => ({ ...trace, stratum: i === 2 ? 'late' : 'early' }));
    const { grids } = summariseSpans(strata, { ...OPTIONS, intervals: [1] });
    // The only miss is alone in its stratum: it is in every resample, so that none is without it.
    const hit = row(grids[0]!.rows, 'critic, largest drop').hit['1']!.value!;
    expect([hit.low, hit.high]).toEqual([2 / 3, 2 / 3]);
  });
});

function stepTrace(id: string, scores: readonly number[], firstError: number | null): StepTrace {
  const critic = scores.flatMap((score) => [score + 0.5, score - 0.5]);
  return {
    id,
    cluster: id,
    stratum: 'all',
    signals: signals({ critic, logp: critic.map(() => -1), entropy: critic.map(() => 1) }),
    stepEnds: scores.map((_, step) => 2 * (step + 1)),
    firstError,
  };
}

describe('labelled steps', () => {
  const traces = [
    stepTrace('wrong-1', [2, 2, -1, -1], 2),
    stepTrace('wrong-2', [-3, 1, 1], 0),
    stepTrace('wrong-3', [2, 1, 2, 2], 3),
    stepTrace('right-1', [2, 2], null),
    stepTrace('right-2', [1, 2, 1], null),
  ];

  it('finds the step of the largest drop, the first step by the fall from undecided', () => {
    const { rows, n_erroneous, n_correct } = summariseSteps(traces, OPTIONS);
    expect([n_erroneous, n_correct]).toEqual([3, 2]);
    const drop = row(rows, 'critic, largest drop');
    expect(drop.n).toBe(3);
    expect(drop.hit.exact!.value!.value).toBeCloseTo(2 / 3, 12);
    expect(drop.map!.value!.value).toBeCloseTo((1 + 1 + 1 / 2) / 3, 12);
    expect(row(rows, 'chance').hit.exact!.value!.value).toBeCloseTo((1 / 4 + 1 / 3 + 1 / 4) / 3, 12);
    expect(row(rows, 'chance').hit['within 1']!.value!.value).toBeCloseTo((3 / 4 + 2 / 3 + 2 / 4) / 3, 12);
    expect(row(rows, 'always first').hit.exact!.value!.value).toBeCloseTo(1 / 3, 12);
    expect(row(rows, 'critic, lowest').hit.exact!.value!.value).toBeCloseTo(2 / 3, 12);
  });

  it("has ProcessBench's F1 with a threshold of dev traces", () => {
    const dev = [stepTrace('dev-1', [1, -2, 1], 1), stepTrace('dev-2', [1, 1], null)];
    const options = { ...OPTIONS, dev: new Set(['dev-1', 'dev-2']) };
    const { process, n_traces } = summariseSteps([...traces, ...dev], options);
    expect([n_traces, process.n_dev]).toEqual([5, 2]);
    const first = process.rows.find(({ localiser }) => localiser === 'critic, first bad step')!;
    // A step is bad whose score is below the midpoint of -2 and 1.
    expect(first.threshold).toBeCloseTo(0.5, 12);
    expect([first.accuracy_erroneous, first.accuracy_correct]).toEqual([2 / 3, 1]);
    expect(first.f1!.value).toBeCloseTo(harmonicMean(2 / 3, 1), 12);
    const chance = process.rows.find(({ localiser }) => localiser === 'chance')!;
    expect(chance.accuracy_erroneous).toBeCloseTo((1 / 5 + 1 / 4 + 1 / 5) / 3, 12);
    expect(chance.accuracy_correct).toBeCloseTo((1 / 3 + 1 / 4) / 2, 12);
    const always = process.rows.find(({ localiser }) => localiser === 'always first')!;
    expect([always.accuracy_correct, always.f1!.value]).toEqual([0, 0]);
  });

  it('has no F1 where one kind of trace is missing, and no NaN where both accuracies are 0', () => {
    expect(harmonicMean(0, 0)).toBe(0);
    const wrong = summariseSteps(traces.slice(0, 3), OPTIONS).process.rows[0]!;
    expect([wrong.n_correct, wrong.accuracy_correct, wrong.f1]).toEqual([0, null, null]);
  });

  it('is the same in any order', () => {
    expect(JSON.stringify(summariseSteps([...traces].reverse(), OPTIONS))).toBe(
      JSON.stringify(summariseSteps(traces, OPTIONS)),
    );
  });
});

describe('annotated cases', () => {
  const units = [
    { stepId: 1, start: 0, end: 10 },
    { stepId: 2, start: 12, end: 30 },
    { stepId: 3, start: 30, end: 40 },
  ];
  const label = (changes: object) =>
    parseAnnotation({ case_id: 'c', expert_id: 'e', note: '', ...changes }, 'f:1', 'e');
  const annotated = (caseId: string, at: number, changes: object): AnnotatedCase => ({
    annotation: label({ case_id: caseId, ...changes }),
    textLength: 50,
    units,
    signals: signals({ critic: falling(25, at) }),
  });

  it('maps characters to scores by their share of the text: floor of the start, ceiling of the end', () => {
    expect(scoreSpan({ start: 12, end: 30 }, 50, 25)).toEqual({ start: 6, end: 15 });
    expect(scoreSpan({ start: 13, end: 29 }, 50, 25)).toEqual({ start: 6, end: 15 });
    expect(scoreSpan({ start: 50, end: 50 }, 50, 25)).toEqual({ start: 24, end: 25 });
    expect(scoreSpan({ start: 3, end: 3 }, 50, 1)).toEqual({ start: 0, end: 1 });
  });

  it('takes the unit with the largest change, the nearest where it is between two', () => {
    const spans = [
      { start: 0, end: 4 },
      { start: 8, end: 12 },
    ];
    expect(unitOfLargestChange(falling(14, 3), spans, 'drop')).toBe(0);
    expect(unitOfLargestChange(falling(14, 5), spans, 'drop')).toBe(0);
    expect(unitOfLargestChange(falling(14, 7), spans, 'drop')).toBe(1);
    // Behind the units nothing is looked at; of no change the first place counts.
    expect(unitOfLargestChange(falling(14, 13), spans, 'drop')).toBe(0);
    expect(unitOfLargestChange(falling(14, 9, 0, 1), spans, 'rise')).toBe(1);
    expect(unitOfLargestChange([1], [{ start: 0, end: 1 }], 'drop')).toBeNull();
  });

  it.each([
    ['The final answer is incorrect', true],
    ['reasoning is correct, but the option chosen is wrong', true],
    ['The letter is wrong while its rationale is right', true],
    ['only the answer is wrong', true],
    ['Knows the answer but selects the wrong option', true],
    ['The wrong pathway is described in step 3', false],
    ['the answer to the question seems ambiguous', false],
    ['', false],
  ])('reads the note %j', (note, expected) => expect(saysAnswerOnly(note)).toBe(expected));

  it('reads a hostile note in one pass', () => {
    expect(saysAnswerOnly('only answer '.repeat(500_000))).toBe(false);
  });

  it('puts labels without a place of their own on the last unit', () => {
    const of = (changes: object) => labelledUnit({ annotation: label(changes), units });
    expect(of({ selected_step_id: 2 })).toEqual({ unit: 1, isMapped: false });
    expect(of({ selected_step_id: '2' })).toEqual({ unit: 1, isMapped: false });
    expect(of({ selected_step_id: 1, final_answer_only_error: true })).toEqual({ unit: 2, isMapped: true });
    expect(of({ selected_step_id: null, no_clear_localisable_error: true })).toEqual({ unit: 2, isMapped: true });
    expect(of({ selected_step_id: 1, note: 'final answer is wrong' })).toEqual({ unit: 2, isMapped: true });
    expect(of({ selected_step_id: null })).toBeNull();
    expect(() => label({ case_id: '' })).toThrow('f:1: expected a text in "case_id"');
    expect(() => label({ selected_step_id: 'two' })).toThrow('selected_step_id');
  });

  it('has hits, the chance of the units, and says that there is no agreement to state (D31)', () => {
    const cases = [
      annotated('a', 7, { selected_step_id: 2 }),
      annotated('b', 16, { selected_step_id: 2 }),
      annotated('c', 2, { no_clear_localisable_error: true }),
      annotated('d', 2, { selected_step_id: null }),
    ];
    const found = summariseUnits(cases, { resamples: 200, seed: 13 });
    expect(found).toMatchObject({ n_labels: 3, n_cases: 3, n_mapped_to_last: 1, n_unlabelled: 1, strata: { e: 3 } });
    expect(found.agreement).toContain('one label a case');
    const critic = row(found.rows, 'critic, largest drop');
    expect(critic.hit.exact!.value!.value).toBeCloseTo(1 / 3, 12);
    expect(critic.hit['within 1']!.value!.value).toBeCloseTo(2 / 3, 12);
    expect(row(found.rows, 'chance').hit.exact!.value!.value).toBeCloseTo(1 / 3, 12);
    expect(row(found.rows, 'chance').hit['within 1']!.value!.value).toBeCloseTo((3 + 3 + 2) / 9, 12);
    expect(summariseUnits([...cases].reverse(), { resamples: 200, seed: 13 })).toEqual(found);
  });
});
