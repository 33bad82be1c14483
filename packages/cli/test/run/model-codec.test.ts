import { loadTokenizer, makeWordLevelTokenizer, memoryFiles } from '@dawngrad/models';
import { describe, expect, it } from 'vitest';
import { type CodecModel, modelCodec } from '../../src/run/model-codec.ts';

const TEMPLATE =
  "{{ bos_token }} {% for m in messages %}<turn> {{ m.role }} {{ m.content }} <end> {% endfor %}{{ '<turn> assistant ' if add_generation_prompt }}";

async function model(chatTemplate?: string): Promise<CodecModel> {
  const files = new Map(
    makeWordLevelTokenizer({
      words: ['user', 'assistant', 'system', 'one', 'two', '\n'].filter((word) => word.trim() !== ''),
      specialTokens: ['<s>', '<eos>', '<turn>', '<end>', '<unk>'],
      bosToken: '<s>',
      eosToken: '<eos>',
      unkToken: '<unk>',
    }),
  );
  if (chatTemplate !== undefined) files.set('chat_template.jinja', new TextEncoder().encode(chatTemplate));
  const tokenizer = await loadTokenizer(memoryFiles('dir', files));
  return { tokenizer, config: { vocabSize: tokenizer.vocabSize, eosTokenIds: [1] }, stopIds: [1] };
}

describe('modelCodec', () => {
  it('ends an expert as the template ends a turn, and a sample by any end token', async () => {
    const source = await model(TEMPLATE);
    const codec = modelCodec(source);
    expect(codec.endId).toBe(source.tokenizer.idOf('<end>'));
    expect(codec.endIds).toEqual([source.tokenizer.idOf('<end>'), source.tokenizer.idOf('<eos>')]);
  });

  it('renders prompts with one begin token, and a system message before the text', async () => {
    const source = await model(TEMPLATE);
    const codec = modelCodec(source);
    const text = (ids: readonly number[]): string => source.tokenizer.decode(ids);
    expect(text(codec.encodePrompt('one'))).toBe('<s> <turn> user one <end> <turn> assistant');
    expect(text(codec.encodeSystemPrompt!('two', 'one'))).toBe(
      '<s> <turn> system two <end> <turn> user one <end> <turn> assistant',
    );
  });

  it("puts the begin token before plain prompts, and ends by the tokenizer's end token", async () => {
    const source = await model();
    const codec = modelCodec(source);
    expect(codec.encodePrompt('one')).toEqual([0, ...source.tokenizer.encode('one')]);
    expect([codec.endId, codec.endIds, codec.encodeSystemPrompt]).toEqual([1, [1], undefined]);
  });
});
