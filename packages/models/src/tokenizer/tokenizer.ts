import { ToolError } from '@dawngrad/tensor';
import { Tokenizer as Backend } from '@huggingface/tokenizers';
import type { ModelFiles } from '../io/byte-source.ts';
import { isJsonObject, type JsonObject, parseStrictJsonObject } from '../io/strict-json.ts';
import { charOffsets } from './char-offsets.ts';
import { checkTokenizerJson } from './check-tokenizer-json.ts';
import { TOKENIZER_CAP_BYTES } from './tokenizer-files.ts';

const TOKENIZER_FILE = 'tokenizer.json';
const TOKENIZER_CONFIG_FILE = 'tokenizer_config.json';
const CHAT_TEMPLATE_FILE = 'chat_template.jinja';
const TOKENIZER_CONFIG_CAP_BYTES = 16 << 20;
const CHAT_TEMPLATE_CAP_BYTES = 64 << 10;

export interface EncodeOptions {
  /** Let the tokenizer add the special tokens of its template, such as a leading BOS. Default false. */
  readonly addSpecialTokens?: boolean;
}

export interface DecodeOptions {
  /** Leave special tokens out of the text. Default false. */
  readonly skipSpecialTokens?: boolean;
}

/**
 * Text to ids and back. The library behind it does not show, so that it can be replaced.
 *
 * Special tokens that occur in a text are recognised as such: do not encode text of strangers where that matters.
 */
export interface Tokenizer {
  /** One more than the largest id. */
  readonly vocabSize: number;
  readonly bosId?: number;
  /** Ids of the end tokens that the tokenizer's own config names; a model's config may add more. */
  readonly eosIds: readonly number[];
  readonly padId?: number;
  /** The Jinja chat template that came with the tokenizer. */
  readonly chatTemplate?: string;
  /** Text without ids (an unknown character, where there is no unknown token): ToolError 'config'. */
  encode(text: string, options?: EncodeOptions): number[];
  /**
   * Spaces are never "cleaned up": decode(encode(x)) is x for a byte-level tokenizer. Ids without a token (a padded
   * embedding can produce them) decode to nothing, as in the reference implementation.
   */
  decode(ids: readonly number[], options?: DecodeOptions): string;
  idOf(token: string): number | undefined;
  tokenOf(id: number): string | undefined;
  /** The text that each id adds; joined they are decode(ids). A character cut by token borders counts to the last. */
  pieces(ids: readonly number[]): string[];
  /** Where the piece of each id starts in decode(ids), in UTF-16 units, and the length as last entry: n + 1 numbers. */
  charOffsets(ids: readonly number[]): number[];
}

/**
 * Loads tokenizer.json with tokenizer_config.json (which may be absent). A missing tokenizer.json: ToolError 'config';
 * a damaged one: 'corrupt'.
 */
export async function loadTokenizer(files: ModelFiles): Promise<Tokenizer> {
  const names = await files.list();
  if (!names.includes(TOKENIZER_FILE)) {
    throw new ToolError('config', {
      op: files.label,
      expected: TOKENIZER_FILE,
      got: names.includes('tokenizer.model') ? 'tokenizer.model, a SentencePiece file' : 'no tokenizer',
      hint: 'Save the tokenizer again with a fast tokenizer of transformers: it writes tokenizer.json.',
    });
  }
  const model = await readJson(files, TOKENIZER_FILE, TOKENIZER_CAP_BYTES);
  const config = names.includes(TOKENIZER_CONFIG_FILE)
    ? await readJson(files, TOKENIZER_CONFIG_FILE, TOKENIZER_CONFIG_CAP_BYTES)
    : {};
  const template = names.includes(CHAT_TEMPLATE_FILE)
    ? await files.readText(CHAT_TEMPLATE_FILE, CHAT_TEMPLATE_CAP_BYTES)
    : config.chat_template;
  return makeTokenizer(model, config, typeof template === 'string' ? template : undefined);
}

/** Refuses a tokenizer that can produce ids which the embedding has no row for: ToolError 'corrupt' naming the id. */
export function checkTokenizerFits(tokenizer: Tokenizer, vocabSize: number): void {
  const last = tokenizer.vocabSize - 1;
  if (last < vocabSize) return;
  throw new ToolError('corrupt', {
    op: TOKENIZER_FILE,
    expected: `ids below the model's vocab_size ${vocabSize}`,
    got: `id ${last} for ${JSON.stringify(tokenizer.tokenOf(last) ?? '')}`,
    hint: 'The tokenizer belongs to another model, or the embedding was not resized.',
  });
}

async function readJson(files: ModelFiles, name: string, capBytes: number): Promise<JsonObject> {
  return parseStrictJsonObject(name, await files.readText(name, capBytes), { maxDepth: 64, maxKeys: 1_100_000 });
}

function makeTokenizer(model: JsonObject, config: JsonObject, chatTemplate: string | undefined): Tokenizer {
  const vocabulary = checkTokenizerJson(TOKENIZER_FILE, model);
  let backend: Backend;
  try {
    // WordLevel falls under the library's plain look-up, which takes the unknown token from the config.
    const options = { ...config, unk_token: vocabulary.unkToken, clean_up_tokenization_spaces: false };
    backend = new Backend(model, options);
  } catch (cause) {
    throw failed('a tokenizer that the library understands', cause);
  }
  const { tokenOf, idOf } = vocabulary;
  const known = (ids: readonly number[]): number[] => ids.filter((id) => tokenOf.has(id));
  const decode = (ids: readonly number[], { skipSpecialTokens = false }: DecodeOptions = {}): string => {
    const present = known(ids);
    return present.length === 0 ? '' : backend.decode(present, { skip_special_tokens: skipSpecialTokens });
  };
  const offsets = (ids: readonly number[]): number[] => charOffsets(ids, decode);
  const specialId = (key: string): number | undefined => {
    const token = tokenContent(config[key]);
    if (token === undefined) return undefined;
    const id = idOf.get(token);
    if (id !== undefined) return id;
    throw new ToolError('corrupt', {
      op: TOKENIZER_CONFIG_FILE,
      expected: `a ${key} that ${TOKENIZER_FILE} knows`,
      got: JSON.stringify(token),
    });
  };
  const bosId = specialId('bos_token');
  const eosId = specialId('eos_token');
  const padId = specialId('pad_token');
  return {
    vocabSize: vocabulary.size,
    ...(bosId === undefined ? {} : { bosId }),
    eosIds: eosId === undefined ? [] : [eosId],
    ...(padId === undefined ? {} : { padId }),
    ...(chatTemplate === undefined ? {} : { chatTemplate }),
    encode(text, { addSpecialTokens = false } = {}) {
      if (text === '' && !addSpecialTokens) return [];
      const { ids, tokens } = backend.encode(text, { add_special_tokens: addSpecialTokens });
      // The library gives undefined, against its types, for a token without an id when there is no unknown token.
      const bad = (ids as (number | undefined)[]).indexOf(undefined);
      if (bad === -1) return ids;
      throw new ToolError('config', {
        op: 'encode',
        expected: 'text within the vocabulary (the tokenizer has no unknown token)',
        got: JSON.stringify(tokens[bad]?.slice(0, 80)),
      });
    },
    decode,
    idOf: (token) => idOf.get(token),
    tokenOf: (id) => tokenOf.get(id),
    pieces(ids) {
      const text = decode(ids);
      const starts = offsets(ids);
      return ids.map((_, i) => text.slice(starts[i], starts[i + 1]));
    },
    charOffsets: offsets,
  };
}

/** A special token in tokenizer_config.json is a string or an object with its content. */
function tokenContent(value: unknown): string | undefined {
  const content = isJsonObject(value) ? value.content : value;
  return typeof content === 'string' ? content : undefined;
}

function failed(expected: string, cause: unknown): ToolError {
  const got = cause instanceof Error ? cause.message.slice(0, 160) : String(cause);
  return new ToolError('corrupt', { op: TOKENIZER_FILE, expected, got, cause });
}
