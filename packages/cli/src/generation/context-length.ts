import type { DecoderConfig } from '@dawngrad/models';
import { ToolError } from '@dawngrad/tensor';

/** Refuses a prompt that leaves no room for a completion: ToolError 'config'. Returns how many tokens may follow it. */
export function roomAfter({ maxPositionEmbeddings }: DecoderConfig, promptLength: number, op: string): number {
  const room = maxPositionEmbeddings - promptLength;
  if (room >= 1) return room;
  throw new ToolError('config', {
    op,
    expected: `a prompt of fewer than the model's ${maxPositionEmbeddings} tokens of context`,
    got: `${promptLength} tokens`,
    hint: 'shorten the prompt.',
  });
}

/** Refuses ids that the model has no embedding for: ToolError 'config'. */
export function checkIds({ vocabSize }: DecoderConfig, ids: readonly number[], op: string): void {
  const unknown = ids.find((id) => !Number.isSafeInteger(id) || id < 0 || id >= vocabSize);
  if (unknown === undefined) return;
  throw new ToolError('config', { op, expected: `ids from 0 to ${vocabSize - 1}`, got: String(unknown) });
}
