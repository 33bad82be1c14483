import { createInverseRulesTask, decodePrompt, type InverseRulesTask, type TaskPrompt } from '@dawngrad/airl';

/** The id of every word, from what the task itself writes. */
const vocabulary = new Map<string, number>();
const { demonstrations, pieces } = createInverseRulesTask({
  seed: 1,
  setting: 'tool',
  demonstrations: 100,
  dev: 1,
  test: 1,
});
for (const { promptIds, completionIds } of demonstrations) {
  for (const ids of [promptIds, completionIds]) {
    pieces(ids).forEach((word, t) => {
      vocabulary.set(word, ids[t]!);
    });
  }
}

/** The ids of words of the inverse-rules task. */
export function idsOf(text: string): Uint32Array {
  return Uint32Array.from(text.split(' '), (word) => vocabulary.get(word)!);
}

/** A line as the task writes it. */
export interface WrittenLine {
  readonly value: number;
  readonly rule: number;
  readonly guess: number;
  readonly result: number;
}

/** The lines of the right solution of a question. */
export function rightLines({ world }: InverseRulesTask, { promptIds }: TaskPrompt): WrittenLine[] {
  const { start, rules } = decodePrompt(promptIds);
  let value = start;
  return rules.map((rule) => {
    const line = { value, rule, guess: world.invert[10 * rule + value]!, result: value };
    value = line.guess;
    return line;
  });
}

/** A completion with these lines. */
export function completionText(lines: readonly WrittenLine[], answer: number): string {
  const written = lines.map(({ value, rule, guess, result }) => `so ${value} : f${rule} ${guess} = ${result} ;`);
  return [...written, `</think> <answer> ${answer} </answer> <eos>`].join(' ');
}

/** The right completion of a question; `wrongFrom` makes the guess of that line wrong and goes on from it, honestly. */
export function solution(task: InverseRulesTask, prompt: TaskPrompt, wrongFrom?: number): string {
  let running: number | undefined;
  const lines = rightLines(task, prompt).map((line, i) => {
    const value = running ?? line.value;
    let guess = task.world.invert[10 * line.rule + value]!;
    if (i === wrongFrom) guess = (guess + 1) % 10;
    running = guess;
    return { value, rule: line.rule, guess, result: task.world.apply[10 * line.rule + guess]! };
  });
  return completionText(lines, lines.at(-1)!.guess);
}
