import { loadTokenizer, memoryFiles } from '@dawngrad/models';
import { describe, expect, it } from 'vitest';
import { createInverseRulesTask } from '../../../src/task/inverse-rules/task.ts';
import { inverseRulesTokenizer } from '../../../src/task/inverse-rules/tokenizer.ts';
import { VOCAB_SIZE, wordsOf } from '../../../src/task/inverse-rules/vocabulary.ts';

describe('inverseRulesTokenizer', () => {
  it('gives the ids of the vocabulary, for every word and for whole prompts and traces', async () => {
    const tokenizer = await loadTokenizer(memoryFiles('task', inverseRulesTokenizer()));
    expect(tokenizer.vocabSize).toBe(VOCAB_SIZE);
    wordsOf(Array.from({ length: VOCAB_SIZE }, (_, id) => id)).forEach((word, id) => {
      expect(tokenizer.idOf(word), word).toBe(id);
    });
    const task = createInverseRulesTask({ seed: 1, setting: 'tool', demonstrations: 20, dev: 1, test: 1 });
    for (const { text, promptIds, completionIds } of task.demonstrations) {
      expect(tokenizer.encode(text)).toEqual([...promptIds]);
      expect(tokenizer.encode(task.decode(completionIds))).toEqual([...completionIds]);
      expect(tokenizer.eosIds).toEqual(task.endIds);
    }
  });
});
