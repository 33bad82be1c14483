import { describe, expect, it } from 'vitest';
import { recordFromJson, recordToJson } from '../src/record-json.ts';
import { expertRecord } from '../src/task/create-record.ts';
import { createInverseRulesTask } from '../src/task/inverse-rules/task.ts';
import type { Demonstration } from '../src/task/task.ts';

const task = createInverseRulesTask({ seed: 1, setting: 'tool', demonstrations: 1, dev: 1, test: 1 });

describe('recordToJson', () => {
  it('and back gives the same record, floats bit for bit, scores present or absent', () => {
    const record = expertRecord(task, task.demonstrations[0] as Demonstration, { granularity: 'interval' });
    const scored = { ...record, logp: Float32Array.from(record.completionIds, (_, t) => -Math.PI / (t + 1)) };
    for (const each of [record, scored]) {
      const copy = recordFromJson(JSON.parse(JSON.stringify(recordToJson(each))));
      expect(copy).toEqual(each);
      expect(Object.keys(copy)).toEqual(Object.keys(each));
    }
  });
});
