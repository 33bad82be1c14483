import { ToolError } from '@dawngrad/tensor';
import { renderTemplate } from './template/render-template.ts';

/** A turn of a conversation. Templates read further fields too, such as `tool_calls` or `reasoning_content`. */
export interface ChatMessage {
  readonly role: string;
  readonly content: string | null;
  readonly [field: string]: unknown;
}

export interface ChatTemplateOptions {
  /** In order, the system's first where there is one: Qwen2.5's template writes a default one of its own otherwise. */
  readonly messages: readonly ChatMessage[];
  /** End with the header of an assistant's turn. */
  readonly addGenerationPrompt: boolean;
  /**
   * The day that templates print, such as `26 Jul 2024`: `date_string` in the template, and what `strftime_now` gives.
   * Llama 3.1's and 3.2's print today's without it.
   */
  readonly dateString: string;
  readonly bosToken?: string;
  readonly eosToken?: string;
  /** JSON schemas of functions that the model may call. */
  readonly tools?: readonly unknown[];
  /** Leave the last turn open, so that the model goes on with it. Not with `addGenerationPrompt`. */
  readonly continueFinalMessage?: boolean;
  /** Further variables of the template, such as `{ enable_thinking: false }` for Qwen3. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** A text and which parts of it the template marks as the model's own. */
export interface MarkedText {
  readonly text: string;
  /** Start and end of each `{% generation %}` block, in UTF-16 units; none where the template has no such blocks. */
  readonly spans: readonly (readonly [start: number, end: number])[];
}

/**
 * Renders a Hugging Face chat template to text. Its special tokens are in the text: encode it without adding any.
 *
 * Templates are interpreted within limits (`renderTemplate`), and dates are those passed in.
 *
 * @throws ToolError `corrupt` for a template that is over 64 KiB, does not parse, fails or goes over its limits,
 * `config` where it refuses the conversation, and `usage` for options that exclude each other
 */
export function renderChatTemplate(template: string, options: ChatTemplateOptions): string {
  checkOptions(options);
  const text = renderTemplate(template, variablesOf(options), options.dateString);
  return options.continueFinalMessage === true ? cutAfterLast(text, options.messages) : text;
}

// Noncharacters: no text in Unicode holds them.
const OPEN = '\ufdd0';
const CLOSE = '\ufdd1';

/** Like `renderChatTemplate`, with the parts that `{% generation %}` blocks wrote. */
export function renderMarkedChat(template: string, options: ChatTemplateOptions): MarkedText {
  checkOptions(options);
  // Blocks stand in for the tags, so that white space around them goes the way of other tags'.
  const marked = template.replace(/\{%(-?)\s{0,20}(end)?generation\s{0,20}(-?)%\}/g, (_, before, end, after) => {
    return `{%${before} if true %}{{ ${end === undefined ? OPEN_NAME : CLOSE_NAME} }}{% endif ${after}%}`;
  });
  if (marked === template)
    return { text: renderTemplate(template, variablesOf(options), options.dateString), spans: [] };
  const variables = { ...variablesOf(options), [OPEN_NAME]: OPEN, [CLOSE_NAME]: CLOSE };
  const rendered = renderTemplate(marked, variables, options.dateString);
  let text = '';
  const spans: [number, number][] = [];
  for (const part of rendered.split(/([\ufdd0\ufdd1])/)) {
    if (part === OPEN) spans.push([text.length, text.length]);
    else if (part !== CLOSE) text += part;
    const last = spans.at(-1);
    if (part === CLOSE && last !== undefined) last[1] = text.length;
  }
  return { text, spans };
}

const OPEN_NAME = '__generation_opens';
const CLOSE_NAME = '__generation_closes';

function variablesOf(options: ChatTemplateOptions): Record<string, unknown> {
  return {
    ...options.variables,
    messages: options.messages,
    // transformers passes none for both where a call gives none.
    tools: options.tools ?? null,
    documents: null,
    add_generation_prompt: options.addGenerationPrompt,
    date_string: options.dateString,
    bos_token: options.bosToken ?? '',
    eos_token: options.eosToken ?? '',
  };
}

function checkOptions({ messages, addGenerationPrompt, continueFinalMessage }: ChatTemplateOptions): void {
  const refuse = (expected: string, got: string): never => {
    throw new ToolError('usage', { op: 'chat template', expected, got });
  };
  if (messages.length === 0) refuse('at least one message', 'none');
  if (continueFinalMessage !== true) return;
  if (addGenerationPrompt)
    refuse('a new turn or the last one continued', 'addGenerationPrompt and continueFinalMessage');
  if (typeof messages.at(-1)?.content !== 'string') refuse('a last message with text to continue', 'none');
}

/** Cuts what the template wrote after the last message, as transformers does: after the last place where its text is. */
function cutAfterLast(text: string, messages: readonly ChatMessage[]): string {
  const content = messages.at(-1)?.content as string;
  const at = text.lastIndexOf(content.trim());
  if (at === -1) {
    throw new ToolError('config', {
      op: 'chat template',
      expected: 'a template that writes the last message as it is',
      got: 'one that changes it, so that it cannot be continued',
    });
  }
  // A template may strip the space at the end; then the cut is after what it kept.
  const whole = content.trimStart();
  return text.slice(0, at + (text.startsWith(whole, at) ? whole.length : content.trim().length));
}
