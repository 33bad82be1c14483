import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadTokenizer } from '@dawngrad/models';
import { openModelFiles } from '@dawngrad/models/node';
import { describe, expect, it } from 'vitest';
import { collectExamples } from '../../src/data/collect-examples.ts';
import { readLines } from '../../src/node/read-lines.ts';
import { checkRecords } from '../../src/record.ts';
import { expertRecord, taskRecordRules } from '../../src/task/create-record.ts';
import { createTextTask } from '../../src/task/text-task.ts';
import { tokenizerCodec } from '../../src/task/tokenizer-codec.ts';

const shared = fileURLToPath(new URL('../../../../../shared/data/', import.meta.url));
const model = `${shared}models/stories260K`;
const train = `${shared}gsm8k/train.jsonl`;

describe.skipIf(!existsSync(model) || !existsSync(train))('GSM8K rows under a real tokenizer', () => {
  it('become a task whose records keep the invariants, one begin token a prompt, one end token a target', async () => {
    const tokenizer = await loadTokenizer(await openModelFiles(model));
    const codec = tokenizerCodec({ tokenizer, vocabSize: 512 });
    const rows = collectExamples('gsm8k', readLines(train), 'train.jsonl').examples.slice(0, 40);
    const task = createTextTask({
      name: 'gsm8k',
      demonstrations: rows.slice(0, 32),
      unlabelled: [],
      dev: rows.slice(32),
      test: [],
      codec,
      limits: { maxPromptTokens: 512, maxCompletionTokens: 824 },
      overlong: 'error',
      checker: 'numeric',
      corruptions: [],
      seed: 1,
    });
    const choice = { granularity: 'step' } as const;
    const records = task.demonstrations.map((one) => expertRecord(task, one, choice));
    expect(() => checkRecords(records, taskRecordRules(task, choice))).not.toThrow();
    records.forEach(({ promptIds, completionIds, text, correct, marks }, i) => {
      expect([...promptIds].filter((id) => id === tokenizer.bosId)).toEqual([promptIds[0]]);
      expect([...completionIds].filter((id) => id === codec.endId)).toEqual([completionIds.at(-1)]);
      expect(text.trim()).toBe(rows[i]?.target);
      expect(correct).toBe(true);
      expect(marks.length).toBeGreaterThan(1);
    });
  });

  it('take a rendered prompt as it is', async () => {
    const tokenizer = await loadTokenizer(await openModelFiles(model));
    const codec = tokenizerCodec({ tokenizer, vocabSize: 512, renderPrompt: (text) => `<s>${text}!` });
    expect(codec.encodePrompt('Once')).toEqual(tokenizer.encode('<s>Once!'));
  });
});
