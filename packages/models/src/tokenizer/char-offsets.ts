import type { TextStream } from './text-stream.ts';

/**
 * Where the text of each id starts, in UTF-16 units, with the length of the whole as last entry: n + 1 numbers, not
 * decreasing. A character that is spread over several ids counts to the one that completes it; what a stream leaves
 * for its end counts to the last.
 *
 * @param length length of the text of all ids, which no offset passes
 */
export function charOffsets(ids: readonly number[], stream: TextStream, length: number): number[] {
  const starts = [0];
  let at = 0;
  for (const id of ids) {
    at += stream.push(id).length;
    starts.push(Math.min(at, length));
  }
  starts[ids.length] = length;
  return starts;
}
