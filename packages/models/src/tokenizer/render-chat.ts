import { ToolError } from '@dawngrad/tensor';
import { type ChatTemplateOptions, type MarkedText, renderChatTemplate, renderMarkedChat } from './chat-template.ts';
import type { Tokenizer } from './tokenizer.ts';

/** What a chat template is given besides the tokenizer's own tokens. */
export type RenderChatOptions = Omit<ChatTemplateOptions, 'bosToken' | 'eosToken'>;

/**
 * Renders a conversation by the tokenizer's chat template: the one named "tool_use" for tools, where there is such a
 * one, else the default. Encode the text without adding special tokens: it has its own.
 *
 * @throws ToolError `config` where the tokenizer has no chat template, and as `renderChatTemplate`
 */
export function renderChat(tokenizer: Tokenizer, options: RenderChatOptions): string {
  return renderChatTemplate(templateFor(tokenizer, options), withTokens(tokenizer, options));
}

/** Like `renderChat`, with the parts that the template marks as the model's own. */
export function renderMarked(tokenizer: Tokenizer, options: RenderChatOptions): MarkedText {
  return renderMarkedChat(templateFor(tokenizer, options), withTokens(tokenizer, options));
}

/**
 * The token that ends a turn by the chat template: the special token behind an assistant's text. It need not be the
 * tokenizer's own end token: Qwen2.5's base models name <|endoftext|>, and their template ends turns by <|im_end|>.
 * Undefined where the template writes none, or refuses a short conversation.
 */
export function turnEndId(tokenizer: Tokenizer, dateString: string): number | undefined {
  const probe = 'turn-end-probe';
  let text: string;
  try {
    const messages = [
      { role: 'user', content: 'a' },
      { role: 'assistant', content: probe },
    ];
    text = renderChat(tokenizer, { messages, addGenerationPrompt: false, dateString });
  } catch (error) {
    if (error instanceof ToolError) return undefined;
    throw error;
  }
  const at = text.lastIndexOf(probe);
  const [id] = at === -1 ? [] : tokenizer.encode(text.slice(at + probe.length).trimStart());
  return id !== undefined && tokenizer.isSpecial(id) ? id : undefined;
}

function templateFor({ chatTemplate, chatTemplates }: Tokenizer, { tools }: RenderChatOptions): string {
  const template = (tools === undefined ? undefined : chatTemplates.get('tool_use')) ?? chatTemplate;
  if (template !== undefined) return template;
  throw new ToolError('config', {
    op: 'chat template',
    expected: 'a tokenizer with a chat template',
    got:
      chatTemplates.size === 0 ? 'one without' : `templates named ${[...chatTemplates.keys()].join(', ')}, no default`,
    hint: 'Put a chat_template.jinja beside tokenizer.json, or use plain prompts.',
  });
}

function withTokens(tokenizer: Tokenizer, options: RenderChatOptions): ChatTemplateOptions {
  const textOf = (id: number | undefined): string => (id === undefined ? '' : (tokenizer.tokenOf(id) ?? ''));
  return { ...options, bosToken: textOf(tokenizer.bosId), eosToken: textOf(tokenizer.eosIds[0]) };
}
