import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TraceSignals } from '@dawngrad/eval';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { annotationWork } from '../../src/localise/annotation-work.ts';
import { controlledWork } from '../../src/localise/controlled-work.ts';
import { spanWork, stepWork } from '../../src/localise/labelled-work.ts';
import type { LocaliseOptions } from '../../src/localise/localise-options.ts';
import type { LocaliseWork } from '../../src/localise/localise-work.ts';
import { TraceText } from '../../src/localise/trace-text.ts';
import { modelCodec } from '../../src/run/model-codec.ts';
import { openSource } from '../../src/run/open-source.ts';
import { readExamples } from '../../src/run/read-examples.ts';
import { sharedData } from '../shared-data.ts';
import { writeSums, writeTinyModel } from '../tiny-model.ts';

const OPTIONS: LocaliseOptions = {
  model: '',
  critic: '',
  data: '',
  labels: 'controlled',
  outputDir: '',
  dataFormat: 'jsonl',
  split: 'test',
  system: true,
  dtype: 'stored',
  criticDtype: 'stored',
  traceSource: 'expert',
  cleanCorrectPolicy: 'require',
  maxExamples: 0,
  startIndex: 0,
  maxSeverity: 2,
  variantsPerSeverity: 2,
  perturbFns: ['corrupt_numbers'],
  aggregate: 'mean',
  localWindow: 1,
  windows: [1, 7],
  hitKs: [1],
  zscoreBins: 20,
  zscoreMode: 'robust',
  smoothWindow: 3,
  onsetThreshold: 1,
  onsetPersistence: 3,
  devFraction: 0,
  resamples: 100,
  seed: 42,
  maxPromptTokens: 2000,
  maxCompletionTokens: 4000,
  microBatchTokens: 8192,
};

const COMPLETION = '<think>\n1 + 2 = 4\n</think>\n<answer>\n3\n</answer>';

let folder: string;
let text: TraceText;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-labels-'));
  await writeTinyModel(join(folder, 'model'));
  text = await textOf(join(folder, 'model'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function textOf(model: string): Promise<TraceText> {
  const source = await openSource(model);
  return new TraceText(modelCodec(source.model), source.model.tokenizer);
}

function write(name: string, rows: readonly object[]): string {
  const path = join(folder, name);
  writeFileSync(path, rows.map((row) => JSON.stringify(row)).join('\n'));
  return path;
}

/** Signals of every trace: the critic falls at the tokens named, by trace. */
function falls(work: LocaliseWork, at: Readonly<Record<string, number>>): (id: string) => TraceSignals {
  return (id) => {
    const { length } = work.traces.find((trace) => trace.id === id)!.completionIds;
    const critic = Array.from({ length }, (_, t) => (t < (at[id] ?? length) ? 1 : -1));
    const flat = new Array<number>(length).fill(0);
    return { critic, logp: flat, entropy: flat };
  };
}

describe('labelled rows', () => {
  it('of PRM800K go up to the first wrong step; those that were given up are left out', async () => {
    const data = write('ratings.jsonl', [
      { problem: 'sum 1 + 1 =', steps: ['1 + 1', '= 3', '= 4'], ratings: [1, -1, null] },
      { problem: 'sum 1 + 2 =', steps: ['1 + 2', '= 3'], ratings: [1, 0] },
      {
        question: { problem: 'sum 2 + 2 =' },
        label: {
          finish_reason: 'found_error',
          steps: [
            {
              completions: [
                { text: '= 9', rating: -1 },
                { text: '2 + 2', rating: 1 },
              ],
              chosen_completion: 1,
            },
            { completions: [{ text: '= 5', rating: -1 }], chosen_completion: null },
          ],
        },
      },
      { question: { problem: 'sum 3 + 2 =' }, label: { finish_reason: 'give_up', steps: [] } },
      { problem: 'sum 3 + 3 =', steps: ['3 + 3', '= 6'], ratings: [1, null] },
    ]);
    const work = await stepWork(text, { ...OPTIONS, labels: 'prm800k', data });
    expect(work.leftOut).toMatchObject({ 'without a usable label': 2 });
    expect(work.traces.map(({ stepEnds }) => stepEnds)).toEqual([
      [4, 6],
      [4, 6],
      [4, 6],
    ]);
    const { summary, details } = work.finish(falls(work, { [work.traces[0]!.id]: 4 }));
    expect(details.rows.map((row) => (row as { firstError: unknown }).firstError)).toEqual([1, null, 1]);
    expect(summary).toMatchObject({ n_erroneous: 2, n_correct: 1 });

    const bad = write('bad.jsonl', [{ problem: 'p', steps: ['a'], ratings: [2] }]);
    await expect(stepWork(text, { ...OPTIONS, labels: 'prm800k', data: bad })).rejects.toThrow(
      'bad.jsonl:1: expected 1 ratings of -1, 0, 1 or null in "ratings"',
    );
  });

  it('of spans name the tokens that hold the characters, and have a clean trace where the row has one', async () => {
    const start = COMPLETION.indexOf('= 4');
    const data = write('spans.jsonl', [
      {
        prompt: 'sum 1 + 2 =',
        completion: COMPLETION,
        error: { start, end: start + 3 },
        clean: COMPLETION.replace('4', '3'),
      },
      { prompt: 'sum 2 + 2 =', completion: COMPLETION, error: [start, start + 1], source: 'edited' },
    ]);
    const work = await spanWork(text, { ...OPTIONS, labels: 'spans', data }, [1, 15]);
    // <think> 1 + 2 = 4: tokens 4 and 5.
    const { summary, details, text: printed } = work.finish(falls(work, { 0: 4, 1: 4 }));
    expect(details.rows.map((row) => (row as { errorTokens: unknown }).errorTokens)).toEqual([[4, 5], [4]]);
    expect(summary).toMatchObject({ n_traces: 2, strata: { all: 1, edited: 1 }, n_too_short: { 1: 0, 15: 2 } });
    expect(printed).toMatch(/critic, largest drop +2 +100\.0/);
    expect(printed).toMatch(/critic, clean - edited +1 +100\.0/);

    const wrong = write('wrong.jsonl', [{ prompt: 'p', completion: 'abc', error: { start: 1, end: 9 } }]);
    await expect(spanWork(text, { ...OPTIONS, data: wrong }, [1])).rejects.toThrow(
      'wrong.jsonl:1: expected "error" as {start, end} with 0 <= start < end <= 3',
    );
  });

  it('of clinicians are read as the reference writes them', () => {
    const annotations = join(folder, 'annotations');
    mkdirSync(annotations);
    const steps = [
      { step_id: 1, char_span: [8, 13] },
      { step_id: 2, char_span: [14, 17] },
    ];
    const prompt = [
      { role: 'system', content: 's' },
      { role: 'user', content: 'sum 1 + 2 =' },
    ];
    const shown = { prompt, generation: COMPLETION, steps };
    const data = write('cases.jsonl', [
      { ...shown, case_id: 'A' },
      { ...shown, case_id: 'B' },
    ]);
    const label = { case_rank: 1, confidence: 5, final_answer_only_error: false, note: '' };
    write('annotations/expert_1.jsonl', [
      { ...label, case_id: 'A', selected_step_id: 1, no_clear_localisable_error: false },
      { ...label, case_id: 'B', selected_step_id: null, no_clear_localisable_error: true },
      { ...label, case_id: 'C', selected_step_id: 1, no_clear_localisable_error: false },
    ]);
    const work = annotationWork(text, { ...OPTIONS, labels: 'annotations', data, annotations });
    expect(work.leftOut).toMatchObject({ 'labels of cases that are not in --data': 1 });
    // 47 characters, 11 tokens: unit 1 is tokens 1 to 3, unit 2 token 3.
    const { summary, text: printed } = work.finish(falls(work, { A: 2, B: 3 }));
    expect(summary).toMatchObject({ n_labels: 2, n_mapped_to_last: 1, strata: { expert_1: 2 } });
    expect(printed).toContain('one label a case: no agreement between annotators can be stated');
    expect(() => annotationWork(text, { ...OPTIONS, data })).toThrow('--annotations');
    expect(() => annotationWork(text, { ...OPTIONS, data, annotations: join(folder, 'none') })).toThrow(
      'expert_*.jsonl',
    );
  });
});

describe('clean traces', () => {
  it('are sampled ones that are right, number 0 before others, joined by prompt', async () => {
    const data = join(folder, 'sums.jsonl');
    writeSums(data, 5);
    const { examples } = await readExamples({ format: 'jsonl', path: data, max_rows: null }, 'test');
    const rows = examples.slice(0, 3).flatMap(({ prompt, target, answer }, p) =>
      [1, 0].map((generation_idx) => ({
        prompt: [{ role: 'user', content: prompt }],
        generation: { content: generation_idx === 0 && p === 1 ? target!.replaceAll(answer, '29') : target },
        generation_idx,
      })),
    );
    const options = {
      ...OPTIONS,
      data,
      traceSource: 'pregenerated',
      pregenerated: write('samples.jsonl', rows),
    } as const;
    const grid = { interval: 1, bucket: 15 };
    const work = controlledWork(examples, text, options, grid);
    expect(work.leftOut).toMatchObject({ 'without a trace': 2, 'not correct': 0 });
    const picked = (from: LocaliseWork) =>
      from.finish(falls(from, {})).details.rows as { clean_generation_idx: number; severity: number }[];
    expect(
      picked(work)
        .filter(({ severity }) => severity === 1)
        .map((row) => row.clean_generation_idx),
    ).toEqual([0, 0, 1, 1, 0, 0]);
    const any = controlledWork(examples, text, { ...options, cleanCorrectPolicy: 'ignore' }, grid);
    expect(new Set(picked(any).map((row) => row.clean_generation_idx))).toEqual(new Set([0]));
    // A pair does not depend on what else is asked for.
    const one = controlledWork(examples, text, { ...options, startIndex: 1, maxSeverity: 1 }, grid);
    const idsOf = (from: LocaliseWork, id: string) => from.traces.find((trace) => trace.id === id)!.completionIds;
    expect(idsOf(one, '0/severity-1/variant-1')).toEqual(idsOf(work, '1/severity-1/variant-1'));
  });
});

const processBench = sharedData('processbench/gsm8k.json');
const realModel = sharedData('models/stories260K/model.safetensors');

describe.skipIf(!processBench.isPresent || !realModel.isPresent)('real rows', () => {
  it('of ProcessBench fall into steps of a real tokenizer', async () => {
    const real = await textOf(sharedData('models/stories260K').path);
    const options = { ...OPTIONS, labels: 'processbench', data: processBench.path, dataFormat: 'gsm8k' } as const;
    const { traces } = await stepWork(real, { ...options, maxExamples: 40 });
    expect(traces).toHaveLength(40);
    for (const { stepEnds, completionIds } of traces) {
      expect(stepEnds!.at(-1)!).toBeLessThan(completionIds.length);
      for (const [step, end] of stepEnds!.entries()) expect(end).toBeGreaterThan(stepEnds![step - 1] ?? 0);
    }
  });
});
