import { ToolError } from '@dawngrad/tensor';
import type { ChatMessage } from './chat-template.ts';
import { renderChat, renderMarked, turnEndId } from './render-chat.ts';
import type { Tokenizer } from './tokenizer.ts';

/** Which of the assistant's turns are trained. */
export type TrainedTurns = 'all' | 'last';

export interface ChatTrainingOptions {
  /** The conversation; turns behind the assistant's last one are left out. */
  readonly messages: readonly ChatMessage[];
  readonly turns: TrainedTurns;
  readonly dateString: string;
  readonly tools?: readonly unknown[];
  /** Further variables of the template. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** Ids, each with whether it is trained. */
export interface TrainingIds {
  readonly ids: readonly number[];
  readonly trained: readonly boolean[];
  /**
   * How the trained parts were found: by the template's `{% generation %}` blocks, by rendering the conversation up to
   * each turn, or, where the template writes the last turn otherwise than a model would go on (DeepSeek R1's leaves the
   * reasoning out), as the turn's own text and the end of a turn.
   */
  readonly by: 'generation' | 'prefix' | 'content';
}

/** A part of the text: a trained part is encoded apart from what stands before it, as a model's own tokens are. */
interface Part {
  readonly text: string;
  readonly isTrained: boolean;
}

/**
 * The ids of a conversation and which of them are trained: what the assistant wrote, the end of its turn included, and
 * nothing else. The mask is made with the ids, not from them, so that no token's identity decides it.
 *
 * @throws ToolError `config` for a conversation without an assistant's turn or that begins with one, for a tokenizer
 * without a chat template, and where earlier turns cannot be trained because the template rewrites them
 */
export function chatTrainingIds(tokenizer: Tokenizer, options: ChatTrainingOptions): TrainingIds {
  const isAssistant = ({ role }: ChatMessage): boolean => role === 'assistant';
  const end = options.messages.findLastIndex(isAssistant) + 1;
  const messages = options.messages.slice(0, end);
  const roles = options.messages.map(({ role }) => role).join(', ');
  const refuse = (expected: string, got: string, hint?: string): ToolError =>
    new ToolError('config', { op: 'conversation', expected, got, ...(hint === undefined ? {} : { hint }) });
  if (end === 0) throw refuse("a turn of the assistant's", `turns of ${roles}`);
  if (isAssistant(messages[0]!)) throw refuse('a turn before the first of the assistant', `turns of ${roles}`);

  const { dateString, tools, variables } = options;
  const given = { dateString, ...(tools && { tools }), ...(variables && { variables }) };
  const marked = renderMarked(tokenizer, { ...given, messages, addGenerationPrompt: false });
  const spans = marked.spans.filter(([start, stop]) => stop > start);
  if (spans.length > 0) {
    return {
      ...encodeParts(tokenizer, cutAt(marked.text, options.turns === 'last' ? spans.slice(-1) : spans)),
      by: 'generation',
    };
  }

  const turns = messages.flatMap((message, i) => (isAssistant(message) ? [i] : []));
  const found: [number, number][] = [];
  for (const i of options.turns === 'last' ? turns.slice(-1) : turns) {
    const prefix = renderChat(tokenizer, { ...given, messages: messages.slice(0, i), addGenerationPrompt: true });
    const whole = renderChat(tokenizer, { ...given, messages: messages.slice(0, i + 1), addGenerationPrompt: false });
    const stop = prefix.length + turnLength(tokenizer, whole.slice(prefix.length));
    if (whole.startsWith(prefix) && marked.text.startsWith(whole.slice(0, stop))) {
      found.push([prefix.length, stop]);
    } else if (i === end - 1 && found.length === 0) {
      return { ...lastTurn(tokenizer, prefix, messages[i]!, dateString), by: 'content' };
    } else {
      throw refuse(
        'a template that keeps earlier turns as they were',
        `one that writes turn ${i + 1} otherwise once others follow`,
        'train the last turn only, and make a row of each turn.',
      );
    }
  }
  return { ...encodeParts(tokenizer, cutAt(marked.text, found)), by: 'prefix' };
}

/** How much of a turn's text the model writes: up to the last special token, which ends it. */
function turnLength(tokenizer: Tokenizer, text: string): number {
  const ids = tokenizer.encode(text);
  const last = ids.findLastIndex((id) => tokenizer.isSpecial(id));
  return last === -1 ? text.length : tokenizer.decode(ids.slice(0, last + 1)).length;
}

/** The prompt for the last turn, then the turn's own text and the end of a turn. */
function lastTurn(
  tokenizer: Tokenizer,
  prefix: string,
  { content }: ChatMessage,
  dateString: string,
): Omit<TrainingIds, 'by'> {
  const endId = turnEndId(tokenizer, dateString) ?? tokenizer.eosIds[0];
  const prompt = tokenizer.encode(prefix);
  const completion = [...tokenizer.encode(content ?? ''), ...(endId === undefined ? [] : [endId])];
  return {
    ids: [...prompt, ...completion],
    trained: [...prompt.map(() => false), ...completion.map(() => true)],
  };
}

function cutAt(text: string, spans: readonly (readonly [start: number, end: number])[]): Part[] {
  const parts: Part[] = [];
  let at = 0;
  for (const [start, end] of spans) {
    parts.push({ text: text.slice(at, start), isTrained: false }, { text: text.slice(start, end), isTrained: true });
    at = end;
  }
  parts.push({ text: text.slice(at), isTrained: false });
  return parts;
}

function encodeParts(tokenizer: Tokenizer, parts: readonly Part[]): Omit<TrainingIds, 'by'> {
  const ids: number[] = [];
  const trained: boolean[] = [];
  for (const { text, isTrained } of parts) {
    for (const id of tokenizer.encode(text)) {
      ids.push(id);
      trained.push(isTrained);
    }
  }
  return { ids, trained };
}
