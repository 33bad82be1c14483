import type { DecoderConfig } from '@dawngrad/models';

/** What to tell the user where sequences may be longer than those that a model was trained on. */
export function positionNote({ maxPositionEmbeddings }: DecoderConfig, maxPositions: number): string | undefined {
  if (maxPositions <= maxPositionEmbeddings) return undefined;
  return (
    `note: prompt and completion may take ${maxPositions} positions, the model was trained on ${maxPositionEmbeddings}; ` +
    'beyond them it works worse. Lower data.max_prompt_tokens or data.max_completion_tokens to stay within.'
  );
}
