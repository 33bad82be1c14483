import type { Example } from './example.ts';
import { optionalText, parseJsonl, requiredText, rowError } from './parse-jsonl.ts';

/**
 * The rows `{prompt, answer, target?, id?}` of the user's own data. `target` is the expert's completion
 * in the canonical form. Rows without an id are named by file and line; two rows with one id are an error.
 */
export function loadJsonlExamples(lines: Iterable<string>, file: string): Example[] {
  const examples: Example[] = [];
  const lineOfId = new Map<string, number>();
  for (const row of parseJsonl(lines, file)) {
    const id = optionalText(row, 'id', file) ?? `${file}:${row.line}`;
    const earlier = lineOfId.get(id);
    if (earlier !== undefined) throw rowError(file, row.line, 'an id of its own', `"${id}", the id of line ${earlier}`);
    lineOfId.set(id, row.line);
    const target = optionalText(row, 'target', file);
    examples.push({
      id,
      prompt: requiredText(row, 'prompt', file),
      answer: requiredText(row, 'answer', file),
      ...(target === undefined ? {} : { target }),
    });
  }
  return examples;
}
