import { type Example, foldedPrompt, type TextCodec } from '@dawngrad/airl';
import type { Message } from '@dawngrad/eval';
import { ToolError } from '@dawngrad/tensor';

/** A prompt as messages, as the model's template gets it. */
export function promptMessages(example: Example, codec: TextCodec, noSystem: boolean): Message[] {
  const { system, prompt } = example;
  if (system === undefined || noSystem || codec.encodeSystemPrompt === undefined) {
    return [{ role: 'user', content: foldedPrompt(example) }];
  }
  return [
    { role: 'system', content: system },
    { role: 'user', content: prompt },
  ];
}

/** The example of a row's messages: a user's text, with an instruction before it or without. */
export function exampleOfMessages(
  id: string,
  prompt: readonly Message[],
  gold: string | null,
): Pick<Example, 'id' | 'system' | 'prompt' | 'answer'> {
  const [first, second] = prompt;
  const system = first?.role === 'system' ? first.content : undefined;
  const user = system === undefined ? first : second;
  const length = system === undefined ? 1 : 2;
  if (user?.role !== 'user' || prompt.length !== length) {
    throw new ToolError('config', {
      op: `prompt ${id}`,
      expected: 'a user message, with a system message before it or without',
      got: prompt.map(({ role }) => role).join(', '),
    });
  }
  return { id, ...(system === undefined ? {} : { system }), prompt: user.content, answer: gold ?? '' };
}
