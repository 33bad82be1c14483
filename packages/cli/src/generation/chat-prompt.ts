import { type ChatMessage, type OpenModel, renderChat } from '@dawngrad/models';
import { ToolError } from '@dawngrad/tensor';

/** The ids of a conversation, up to the header of the answer. Throws ToolError 'config' without a chat template. */
export function encodeChat({ tokenizer, files }: OpenModel, messages: readonly ChatMessage[], date: string): number[] {
  if (tokenizer.chatTemplate === undefined) {
    throw new ToolError('config', {
      op: files.label,
      expected: 'a model with a chat template',
      got: 'one without',
      hint: 'use `dawngrad generate` without --chat: it continues plain text.',
    });
  }
  // Its special tokens are in the text.
  return tokenizer.encode(renderChat(tokenizer, { messages, addGenerationPrompt: true, dateString: date }));
}

/** The ids of plain text, with the begin token where the tokenizer adds one. An empty text needs one: ToolError 'config'. */
export function encodeText({ tokenizer }: OpenModel, text: string, op: string): number[] {
  const ids = tokenizer.encode(text, { addSpecialTokens: true });
  if (ids.length > 0) return ids;
  if (tokenizer.bosId !== undefined) return [tokenizer.bosId];
  throw new ToolError('config', {
    op,
    expected: 'a prompt with at least one token',
    got: 'an empty text, and a tokenizer without a begin token',
  });
}
