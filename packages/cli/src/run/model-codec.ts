import { type TextCodec, tokenizerCodec } from '@dawngrad/airl';
import { type OpenModel, renderChatTemplate } from '@dawngrad/models';

/** Some templates print a date; a fixed one keeps prompts the same from day to day (it is Llama 3's own default). */
const TEMPLATE_DATE = '26 Jul 2024';

/**
 * Text to ids and back as a model expects it: through its chat template where it has one. Throws ToolError
 * 'config' where neither tokenizer nor config.json names an end token.
 */
export function modelCodec({ tokenizer, config }: OpenModel): TextCodec {
  const { chatTemplate, bosId } = tokenizer;
  const endId = tokenizer.eosIds[0] ?? config.eosTokenIds[0];
  const tokenText = (id: number | undefined): string => (id === undefined ? '' : (tokenizer.tokenOf(id) ?? ''));
  return tokenizerCodec({
    tokenizer,
    vocabSize: config.vocabSize,
    ...(endId === undefined ? {} : { endId }),
    ...(chatTemplate === undefined
      ? {}
      : {
          renderPrompt: (content) =>
            renderChatTemplate(chatTemplate, {
              messages: [{ role: 'user', content }],
              addGenerationPrompt: true,
              dateString: TEMPLATE_DATE,
              bosToken: tokenText(bosId),
              eosToken: tokenText(endId),
            }),
        }),
  });
}
