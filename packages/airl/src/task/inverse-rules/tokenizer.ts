import { makeWordLevelTokenizer, type TokenizerFiles } from '@dawngrad/models';
import { ORDINARY_WORDS, SPECIAL_WORDS } from './vocabulary.ts';

/** The task's tokenizer in Hugging Face's format; its ids are those of the vocabulary. */
export function inverseRulesTokenizer(): TokenizerFiles {
  return makeWordLevelTokenizer({
    specialTokens: SPECIAL_WORDS,
    words: ORDINARY_WORDS,
    eosToken: '<eos>',
    padToken: '<pad>',
  });
}
