import { describe, expect, it } from 'vitest';
import { THINK_THEN_ANSWER } from '../../src/data/instructions.ts';
import { longestTeacherPrompt, teacherPromptIds, teacherText } from '../../src/task/teacher-prompt.ts';
import { createTextTask, type TextCodec, type TextTaskOptions } from '../../src/task/text-task.ts';
import { tinyTask } from '../train/tiny-run.ts';

const codes = (text: string): number[] => [...text].map((char) => char.charCodeAt(0));

/** One id a character, around the turns of a chat template. */
const codec: TextCodec = {
  vocabSize: 256,
  endId: 0,
  encodePrompt: (text) => codes(`[user]${text}[assistant]`),
  encodeSystemPrompt: (system, text) => codes(`[system]${system}[user]${text}[assistant]`),
  encodeCompletion: codes,
  decode: (ids) => String.fromCharCode(...ids),
  pieces: (ids) => ids.map((id) => String.fromCharCode(id)),
};

const TARGET = '<think>\n1 + 2 is 3\n</think>\n<answer>\n3\n</answer>';
const options: TextTaskOptions = {
  name: 'sums',
  demonstrations: [{ id: 'a', system: THINK_THEN_ANSWER, prompt: 'What is 1 + 2?', target: TARGET, answer: '3' }],
  unlabelled: [],
  dev: [],
  test: [],
  codec,
  limits: { maxPromptTokens: 120, maxCompletionTokens: 60 },
  overlong: 'error',
  checker: 'numeric',
  corruptions: [],
  seed: 1,
};

describe('the prompt of a teacher', () => {
  it("shows the expert in the user's turn of the model's own template", () => {
    const task = createTextTask(options);
    const text = String.fromCharCode(...teacherPromptIds(task, task.demonstrations[0]!));
    expect(text).toBe(`[system]${THINK_THEN_ANSWER}[user]${teacherText('What is 1 + 2?', TARGET)}[assistant]`);
    expect(text.indexOf(TARGET)).toBeGreaterThan(text.indexOf('What is 1 + 2?'));
    expect(text.indexOf('[assistant]')).toBeGreaterThan(text.indexOf(TARGET));
    // It may be longer than the prompts that the policy gets.
    expect(longestTeacherPrompt(task)).toBe(text.length);
    expect(text.length).toBeGreaterThan(task.maxPromptTokens);
  });

  it('has the instruction before the question where there is no system message', () => {
    const task = createTextTask({ ...options, noSystem: true });
    const text = String.fromCharCode(...teacherPromptIds(task, task.demonstrations[0]!));
    expect(text).toBe(`[user]${THINK_THEN_ANSWER}\n\n${teacherText('What is 1 + 2?', TARGET)}[assistant]`);
  });

  it('is refused where prompts have a fixed form', () => {
    const task = tinyTask();
    expect(() => teacherPromptIds(task, task.demonstrations[0]!)).toThrow(/inverse-rules-tool.*fixed form/s);
  });
});
