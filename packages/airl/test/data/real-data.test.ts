import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { checkExperts } from '../../src/data/check-experts.ts';
import { findContamination } from '../../src/data/contamination.ts';
import { DATASETS, type DatasetName } from '../../src/data/datasets.ts';
import { canonicalTarget } from '../../src/data/example.ts';
import { isBadRow } from '../../src/data/parse-jsonl.ts';
import { processRow, solutionText } from '../../src/data/process-bench.ts';
import { loadExamples } from '../../src/node/load-examples.ts';
import { readRows } from '../../src/node/read-rows.ts';
import { CHECKERS, createChecker } from '../../src/verify/checkers.ts';

const shared = fileURLToPath(new URL('../../../../../shared/data/', import.meta.url));

describe.skipIf(!existsSync(shared))('the published files', () => {
  it.each([
    ['gsm8k/train.jsonl', 'gsm8k', 7473],
    ['gsm8k/test.jsonl', 'gsm8k', 1319],
    ['aime/aime_1983_2023.jsonl', 'aime_train', 918],
    ['aime/aime_2024.jsonl', 'aime_2024', 30],
    ['aime/aime_2025.jsonl', 'aime_2025', 30],
    ['medqa/medqa_test.jsonl', 'medical', 1273],
    ['mmlu_pro/test_2000.jsonl', 'mmlu', 2000],
  ] as const)(
    '%s: every row loads, and its gold answer and its expert pass the checker of the set',
    async (file, name, count) => {
      const { examples, dropped } = await loadExamples(`${shared}${file}`, { dataset: name });
      expect([examples.length, dropped]).toEqual([count, 0]);
      const check = CHECKERS[DATASETS[name].checker];
      for (const { id, answer, options, target } of examples) {
        const gold = canonicalTarget('reasoning', answer);
        expect(check(gold, answer, options), id).toMatchObject({ outcome: 'correct', strict: true });
        if (target !== undefined) expect(check(target, answer, options).outcome, id).toBe('correct');
      }
    },
  );

  // Left out: no answer, or several lines for one. Wrong: the experts' mistakes and "= 84" behind expressions.
  it.each([
    ['train', 1000, 2, 8],
    ['eval', 123, 0, 1],
    ['test', 300, 1, 4],
  ])('countdown %s: %i rows, %i unusable, %i experts with a wrong answer', async (split, rows, dropped, wrong) => {
    const loaded = await loadExamples(`${shared}countdown`, { dataset: 'countdown_kd', split, badRows: 'drop' });
    expect([loaded.rows, loaded.dropped]).toEqual([rows, dropped]);
    const report = checkExperts(loaded.examples, 'error', CHECKERS.countdown);
    expect([report.experts.length, report.wrongAnswers]).toEqual([rows - dropped, wrong]);
    if (dropped > 0) {
      const options = { dataset: 'countdown_kd' as DatasetName, split };
      await expect(loadExamples(`${shared}countdown`, options)).rejects.toThrow(/\.jsonl:\d+: expected/);
    }
  });

  it.each([
    ['8b', 0.99],
    ['70b', 0.99],
  ])('the flags of the MMLU-Pro traces of Llama 3.1 %s agree with our checker', async (size, least) => {
    const { examples } = await loadExamples(`${shared}mmlu_pro/test_2000.jsonl`, { dataset: 'mmlu' });
    const rowsById = new Map<unknown, (typeof examples)[number]>();
    let place = 0;
    for await (const row of readRows(`${shared}mmlu_pro/test_2000.jsonl`)) {
      if (!isBadRow(row)) rowsById.set(row.fields.question_id, examples[place++]!);
    }
    const check = createChecker('choice', 'stated');
    let agree = 0;
    let count = 0;
    let onlyOurs = 0;
    for await (const row of readRows(`${shared}mmlu_pro/traces_llama3.1-${size}-instruct_2000.jsonl`)) {
      if (isBadRow(row)) throw row.fault;
      const { question_id, correct, generated_text } = row.fields as {
        question_id: number;
        correct: boolean;
        generated_text: string;
      };
      const example = rowsById.get(question_id)!;
      const verdict = check(generated_text, example.answer, example.options);
      const ours = verdict.outcome === 'correct';
      count++;
      if (ours === correct) agree++;
      if (ours && !correct) onlyOurs++;
    }
    expect(count).toBe(2000);
    // Where no answer is stated the publishers guess a letter and are right by chance; we never are.
    expect(onlyOurs).toBe(0);
    expect(agree / count).toBeGreaterThan(least);
  });

  it('ProcessBench: 400 solutions, 193 of them right, steps and text in step', async () => {
    const rows = [];
    for await (const row of readRows(`${shared}processbench/gsm8k.json`)) {
      if (isBadRow(row)) throw row.fault;
      rows.push(processRow(row));
    }
    expect([rows.length, rows.filter(({ firstError }) => firstError === null).length]).toEqual([400, 193]);
    for (const row of rows) {
      const { text, ends } = solutionText(row);
      expect(ends.at(-1)).toBe(text.length);
      let start = 0;
      row.steps.forEach((step, i) => {
        expect(text.slice(start, ends[i]).startsWith(step)).toBe(true);
        start = ends[i]!;
      });
    }
  });

  it('GSM8K: no test problem stands in train as it is, and few are retold there', async () => {
    const train = await loadExamples(`${shared}gsm8k/train.jsonl`, { dataset: 'gsm8k' });
    const test = await loadExamples(`${shared}gsm8k/test.jsonl`, { dataset: 'gsm8k' });
    const found = findContamination(train.examples, test.examples);
    expect(found.filter(({ kind }) => kind === 'same')).toEqual([]);
    expect(found.length).toBeLessThan(20);
  });
});
