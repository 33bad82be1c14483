import { type TextCodec, tokenizerCodec } from '@dawngrad/airl';
import { type ChatMessage, type OpenModel, renderChat, turnEndId } from '@dawngrad/models';

/** Some templates print a date; a fixed one keeps prompts the same from day to day (it is Llama 3's own default). */
export const TEMPLATE_DATE = '26 Jul 2024';

/** What the texts of a model need: no weights. */
export interface CodecModel {
  readonly tokenizer: OpenModel['tokenizer'];
  readonly config: Pick<OpenModel['config'], 'vocabSize' | 'eosTokenIds'>;
  readonly stopIds: readonly number[];
}

/**
 * Text to ids and back as a model expects it: through its chat template where it has one. An expert's completion ends
 * as the template ends a turn, else by the tokenizer's end token; a sample may end by any token that the model's files
 * name. Throws ToolError 'config' where they name none.
 */
export function modelCodec({ tokenizer, config, stopIds }: CodecModel): TextCodec {
  const hasTemplate = tokenizer.chatTemplate !== undefined;
  const turnEnd = hasTemplate ? turnEndId(tokenizer, TEMPLATE_DATE) : undefined;
  const endId = turnEnd ?? tokenizer.eosIds[0] ?? config.eosTokenIds[0];
  const turn = (role: string, content: string | undefined): ChatMessage[] =>
    content === undefined ? [] : [{ role, content }];
  return tokenizerCodec({
    tokenizer,
    vocabSize: config.vocabSize,
    stopIds,
    ...(endId === undefined ? {} : { endId }),
    ...(hasTemplate
      ? {
          renderPrompt: (text, system) =>
            renderChat(tokenizer, {
              messages: [...turn('system', system), ...turn('user', text)],
              addGenerationPrompt: true,
              dateString: TEMPLATE_DATE,
            }),
        }
      : {}),
  });
}
