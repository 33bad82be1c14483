import { type ChatMessage, type DecoderModel, generate, type OpenModel, StreamingDecoder } from '@dawngrad/models';
import { ToolError } from '@dawngrad/tensor';
import type { CommandContext } from '../commands/command-context.ts';
import { TEMPLATE_DATE } from '../run/model-codec.ts';
import { plainText } from '../ui/plain-text.ts';
import { type ChatInput, terminalInput } from './chat-input.ts';
import { encodeChat } from './chat-prompt.ts';
import { roomAfter } from './context-length.ts';
import type { ModelOptions, SamplingOptions } from './generation-options.ts';
import { openGenerationSource, withModel } from './model-session.ts';
import { type ResolvedSampling, resolveSampling } from './resolve-sampling.ts';

export interface RunChatOptions extends ModelOptions, SamplingOptions {
  readonly system?: string;
  readonly date?: string;
}

/** Random draws of this verb. */
const STREAM = 0xc4a7;
/** Positions that are prepared where the model could take more: their table grows with them. */
const MOST_POSITIONS = 32_768;

const HELP = '/exit ends, /reset forgets the conversation; Ctrl-C stops an answer.';

/** `dawngrad chat`: reads a message a line, answers as the tokens come. */
export async function runChat(
  options: RunChatOptions,
  context: CommandContext,
  open: () => ChatInput = () => terminalInput(context),
): Promise<void> {
  const source = await openGenerationSource(options, context);
  const sampling = resolveSampling(options, source.generationConfig);
  const opening: readonly ChatMessage[] =
    options.system === undefined ? [] : [{ role: 'system', content: options.system }];
  // Before the weights are read: a model without a template cannot chat.
  encodeChat(source, [...opening, { role: 'user', content: 'hello' }], options.date ?? TEMPLATE_DATE);
  const maxPositions = Math.min(source.config.maxPositionEmbeddings, MOST_POSITIONS);
  await withModel(source, { dtype: options.dtype, maxPositions }, context, async ({ model }) => {
    using input = open();
    input.note(`${HELP}\n`);
    let messages = [...opening];
    for (let turn = 0; ; turn++) {
      const line = await input.nextLine();
      const text = line?.trim();
      if (text === undefined || text === '/exit') break;
      if (text === '') continue;
      if (text === '/reset') messages = [...opening];
      else if (text.startsWith('/') && !text.includes(' ')) input.note(`${HELP}\n`);
      else {
        const asked: ChatMessage[] = [...messages, { role: 'user', content: line as string }];
        const answer = await answerTo(asked, { model, source, sampling, options, turn, input, context });
        if (answer !== undefined) messages = [...asked, { role: 'assistant', content: answer }];
      }
    }
    context.exitWith(input.exitCode);
  });
}

interface Conversation {
  readonly model: DecoderModel;
  readonly source: OpenModel;
  readonly sampling: ResolvedSampling;
  readonly options: RunChatOptions;
  readonly turn: number;
  readonly input: ChatInput;
  readonly context: CommandContext;
}

/** Prints the answer as it comes; undefined where the conversation has become too long for the model. */
async function answerTo(
  messages: readonly ChatMessage[],
  { model, source, sampling, options, turn, input, context }: Conversation,
): Promise<string | undefined> {
  const ids = encodeChat(source, messages, options.date ?? TEMPLATE_DATE);
  let room: number;
  try {
    room = roomAfter({ ...source.config, maxPositionEmbeddings: model.maxPositions }, ids.length, 'chat');
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    context.err(`${plainText(error.message)} /reset starts anew.\n`);
    return undefined;
  }
  let answer = '';
  using stop = input.listenForStop();
  await generate(model, [{ promptIds: Uint32Array.from(ids), samples: 1, firstSampleId: turn }], {
    maxNewTokens: Math.min(room, sampling.maxNewTokens ?? room),
    settings: sampling.settings,
    seed: options.seed,
    cacheDType: options.cacheDtype,
    stream: STREAM,
    stopIds: source.stopIds,
    text: {
      decoder: () => new StreamingDecoder(source.tokenizer, { skipSpecialTokens: true }),
      stops: sampling.stops,
    },
    onToken: ({ text }) => {
      answer += text;
      context.out(plainText(text));
    },
    shouldStop: () => stop.isRequested,
  });
  context.out('\n');
  return answer;
}
