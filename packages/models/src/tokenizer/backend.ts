import * as library from '@huggingface/tokenizers';
import type { JsonObject } from '../io/strict-json.ts';

/**
 * The parts of @huggingface/tokenizers that are used, with types: the library's own do not resolve under Node's rules
 * (their imports lack extensions).
 */
export interface Backend {
  /** Against its types the library gives undefined for a token without an id, when there is no unknown token. */
  encode(text: string, options: { readonly add_special_tokens: boolean }): BackendEncoding;
  decode(ids: number[]): string;
  get_added_tokens_decoder(): ReadonlyMap<number, { readonly content: string; readonly special: boolean }>;
}

export interface BackendEncoding {
  readonly ids: readonly (number | undefined)[];
  readonly tokens: readonly (string | undefined)[];
}

interface Parts {
  readonly pre_tokenizer: PreTokenizer | null;
  readonly model: Model;
  readonly decoder: Decoder | null;
}

interface PreTokenizer {
  readonly config?: JsonObject;
  readonly tokenizers?: readonly PreTokenizer[];
  pre_tokenize(text: string | readonly string[]): readonly string[];
  pre_tokenize_text(text: string): string[];
}

interface Model {
  readonly config: JsonObject;
  encode(words: readonly string[]): string[];
}

interface Decoder {
  readonly decoders?: readonly Decoder[];
  text_decoder?: InstanceType<typeof TextDecoder>;
}

/** Makes the library's tokenizer of a checked and adapted tokenizer.json. Throws plain errors for parts it lacks. */
export function makeBackend(json: JsonObject, unkToken: string | undefined): Backend {
  const Constructor = library.Tokenizer as new (json: JsonObject, config: JsonObject) => Backend & Parts;
  // WordLevel falls under the library's plain look-up, which takes the unknown token from the config.
  const backend = new Constructor(json, { clean_up_tokenization_spaces: false, unk_token: unkToken });
  keepByteOrderMarks(backend.decoder);
  cacheWords(backend);
  return backend;
}

/** The library's decoder of byte tokens drops a byte-order mark that it begins with. */
function keepByteOrderMarks(decoder: Decoder | null): void {
  if (decoder?.text_decoder !== undefined) decoder.text_decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  decoder?.decoders?.forEach(keepByteOrderMarks);
}

const CACHED_WORDS = 1 << 16;
const LONGEST_CACHED_WORD = 64;

/**
 * Keeps the tokens of words in a byte-level BPE. Most words of a text were seen before, and the library writes each as
 * bytes and makes a key of JSON for each pair of tokens before it looks into a cache of its own.
 */
function cacheWords({ pre_tokenizer: preTokenizer, model }: Parts): void {
  const last = lastPart(preTokenizer);
  const { type, add_prefix_space: addsSpace, use_regex: splits } = last?.config ?? {};
  if (last === undefined || type !== 'ByteLevel' || addsSpace === true || splits !== false) return;
  if (model.config.type !== 'BPE') return;
  const toBytes = last.pre_tokenize_text.bind(last);
  const encode = model.encode.bind(model);
  const cache = new Map<string, readonly string[]>();
  last.pre_tokenize = (text) => (typeof text === 'string' ? [text] : text);
  model.encode = (words) => {
    const tokens: string[] = [];
    for (const word of words) {
      let known = cache.get(word);
      if (known === undefined) {
        known = encode(toBytes(word));
        if (cache.size >= CACHED_WORDS) cache.clear();
        if (word.length <= LONGEST_CACHED_WORD) cache.set(word, known);
      }
      for (const token of known) tokens.push(token);
    }
    return tokens;
  };
}

function lastPart(part: PreTokenizer | null | undefined): PreTokenizer | undefined {
  return part?.tokenizers === undefined ? (part ?? undefined) : lastPart(part.tokenizers.at(-1));
}
