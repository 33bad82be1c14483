import { ToolError } from '@dawngrad/tensor';
import type { TokenizerFiles } from './tokenizer-files.ts';

export interface WordLevelOptions {
  /** Ordinary words, without white space. Ids follow the special tokens in this order. */
  readonly words: readonly string[];
  /** Control tokens; ids from 0 in this order. They need not be set off by spaces in a text. */
  readonly specialTokens: readonly string[];
  readonly bosToken?: string;
  readonly eosToken?: string;
  readonly padToken?: string;
  /** Stands for words that are not in the list; without it they are an error. */
  readonly unkToken?: string;
}

/**
 * tokenizer.json and tokenizer_config.json, in Hugging Face's format, of a tokenizer whose tokens are whole words:
 * text is split at white space and joined again by single spaces. Equal options give equal bytes.
 */
export function makeWordLevelTokenizer(options: WordLevelOptions): TokenizerFiles {
  const { words, specialTokens, bosToken, eosToken, padToken, unkToken } = options;
  const tokens = [...specialTokens, ...words];
  const refuse = (expected: string, got: string): never => {
    throw new ToolError('usage', { op: 'makeWordLevelTokenizer', expected, got });
  };
  const seen = new Set<string>();
  for (const token of tokens) {
    if (token === '' || /\s/u.test(token)) refuse('words without white space', JSON.stringify(token));
    if (seen.has(token)) refuse('each word once', JSON.stringify(token));
    seen.add(token);
  }
  const special = Object.entries({ bosToken, eosToken, padToken, unkToken });
  for (const [role, token] of special) {
    if (token !== undefined && !specialTokens.includes(token)) refuse(`${role} among the special tokens`, token);
  }
  const entries = tokens.map((token, id) => `${JSON.stringify(token)}:${id}`);
  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: { type: 'WhitespaceSplit' },
    post_processor: null,
    decoder: null,
    // The format wants an unk_token; one outside the vocabulary makes unknown words an error in every implementation.
    model: { type: 'WordLevel', vocab: VOCAB_PLACEHOLDER, unk_token: unkToken ?? '<unk>' },
  };
  const config = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    clean_up_tokenization_spaces: false,
    model_max_length: 1_000_000,
    ...(bosToken === undefined ? {} : { bos_token: bosToken }),
    ...(eosToken === undefined ? {} : { eos_token: eosToken }),
    ...(padToken === undefined ? {} : { pad_token: padToken }),
    ...(unkToken === undefined ? {} : { unk_token: unkToken }),
  };
  // As text, since an object would put words that look like integers before all others and drop __proto__.
  const json = JSON.stringify(tokenizer).replace(JSON.stringify(VOCAB_PLACEHOLDER), () => `{${entries.join(',')}}`);
  const encoder = new TextEncoder();
  return new Map([
    ['tokenizer.json', encoder.encode(json)],
    ['tokenizer_config.json', encoder.encode(JSON.stringify(config))],
  ]);
}

const VOCAB_PLACEHOLDER = 'the vocabulary goes here';
