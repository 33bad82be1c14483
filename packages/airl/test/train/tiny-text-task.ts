import { canonicalTarget, type Example } from '../../src/data/example.ts';
import { teacherText } from '../../src/task/teacher-prompt.ts';
import { createTextTask, type TextCodec, type TextTask, type TextTaskOptions } from '../../src/task/text-task.ts';

const sums = (prefix: string, count: number, step: number): Example[] =>
  Array.from({ length: count }, (_, i) => {
    const [a, b] = [i % 5, (step * i) % 4];
    return {
      id: `${prefix}${i}`,
      prompt: `${prefix} ${i} : ${a} + ${b} =`,
      target: canonicalTarget(`${a} + ${b} is ${a + b}`, String(a + b)),
      answer: String(a + b),
    };
  });

const demonstrations = sums('sum', 8, 3);
const dev = sums('dev', 3, 2);

const wordsIn = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');
const VOCABULARY = [
  '<end>',
  ...new Set([...demonstrations, ...dev].flatMap(({ prompt, target }) => wordsIn(teacherText(prompt, target!)))),
];

/** One id a word, fewer than the tiny policy has; 0 ends a completion. */
const codec: TextCodec = {
  vocabSize: VOCABULARY.length,
  endId: 0,
  encodePrompt: (text) => wordsIn(text).map((word) => VOCABULARY.indexOf(word)),
  encodeCompletion: (text) => wordsIn(text).map((word) => VOCABULARY.indexOf(word)),
  decode: (ids) => ids.map((id) => VOCABULARY[id] ?? '?').join(' '),
  pieces: (ids) => ids.map((id) => `${VOCABULARY[id] ?? '?'} `),
};

/** Sums of small numbers as text, for trainers that read rows; `tinyPolicy` has ids for all its words. */
export function tinyTextTask(more: Partial<TextTaskOptions> = {}): TextTask {
  return createTextTask({
    name: 'tiny sums',
    demonstrations,
    unlabelled: [],
    dev,
    test: [],
    codec,
    limits: { maxPromptTokens: 12, maxCompletionTokens: 14 },
    overlong: 'error',
    checker: 'numeric',
    corruptions: [],
    seed: 1,
    ...more,
  });
}
