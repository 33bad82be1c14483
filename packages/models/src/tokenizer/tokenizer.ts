import { ToolError } from '@dawngrad/tensor';
import type { ModelFiles } from '../io/byte-source.ts';
import { isJsonObject, type JsonObject, parseStrictJsonObject } from '../io/strict-json.ts';
import { adaptTokenizerJson } from './adapt-tokenizer-json.ts';
import { type Backend, makeBackend } from './backend.ts';
import { tokenBytes } from './byte-level.ts';
import { charOffsets } from './char-offsets.ts';
import { DEFAULT_TEMPLATE, readChatTemplates } from './chat-template-files.ts';
import { checkTokenizerJson } from './check-tokenizer-json.ts';
import { readSpecialTokens, withConfiguredTokens } from './special-tokens.ts';
import { ByteTextStream, type TextStream, type TokenPart, tokenPart, WindowTextStream } from './text-stream.ts';
import { TOKENIZER_CAP_BYTES } from './tokenizer-files.ts';

const TOKENIZER_FILE = 'tokenizer.json';
const TOKENIZER_CONFIG_FILE = 'tokenizer_config.json';
const SPECIAL_TOKENS_MAP_FILE = 'special_tokens_map.json';
const ADDED_TOKENS_FILE = 'added_tokens.json';
const TOKENIZER_CONFIG_CAP_BYTES = 16 << 20;

export interface EncodeOptions {
  /**
   * Let the tokenizer add the special tokens of its template, such as a leading BOS; one that the text begins with
   * already is not doubled. Default false.
   */
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
  /** All chat templates that came with the tokenizer, by name; `chatTemplate` is the one named "default". */
  readonly chatTemplates: ReadonlyMap<string, string>;
  /**
   * Text without ids (an unknown character, where there is no unknown token): ToolError 'config'. Lone surrogates, which
   * UTF-8 cannot write, are encoded as U+FFFD.
   */
  encode(text: string, options?: EncodeOptions): number[];
  /**
   * Spaces are never "cleaned up": decode(encode(x)) is x for a byte-level tokenizer that does not normalise (Qwen's
   * composes characters, NFC). Ids without a token (a padded embedding can produce them) decode to nothing, as in the
   * reference implementation.
   */
  decode(ids: readonly number[], options?: DecodeOptions): string;
  idOf(token: string): number | undefined;
  tokenOf(id: number): string | undefined;
  /** Whether `skipSpecialTokens` leaves the id out: control tokens, as BOS, EOS and what marks a turn. */
  isSpecial(id: number): boolean;
  /** The text that each id adds; joined they are decode(ids). A character cut by token borders counts to the last. */
  pieces(ids: readonly number[]): string[];
  /** Where the piece of each id starts in decode(ids), in UTF-16 units, and the length as last entry: n + 1 numbers. */
  charOffsets(ids: readonly number[]): number[];
  /** The text of ids that come one by one; `StreamingDecoder` is the same as a class. */
  textStream(options?: DecodeOptions): TextStream;
}

/**
 * Loads tokenizer.json with tokenizer_config.json (which may be absent), special_tokens_map.json, added_tokens.json and
 * the chat templates. A missing tokenizer.json: ToolError 'config'; a damaged one: 'corrupt'.
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
  const read = async (name: string, capBytes = TOKENIZER_CONFIG_CAP_BYTES): Promise<JsonObject> =>
    names.includes(name) ? readJson(files, name, capBytes) : {};
  const model = await read(TOKENIZER_FILE, TOKENIZER_CAP_BYTES);
  const config = await read(TOKENIZER_CONFIG_FILE);
  return makeTokenizer({
    model: withConfiguredTokens(model, config, await read(ADDED_TOKENS_FILE)),
    config,
    specialTokensMap: await read(SPECIAL_TOKENS_MAP_FILE),
    chatTemplates: await readChatTemplates(files, names, config),
  });
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

interface TokenizerParts {
  readonly model: JsonObject;
  readonly config: JsonObject;
  readonly specialTokensMap: JsonObject;
  readonly chatTemplates: ReadonlyMap<string, string>;
}

function makeTokenizer({ model, config, specialTokensMap, chatTemplates }: TokenizerParts): Tokenizer {
  const { idOf, tokenOf, size, unkToken } = checkTokenizerJson(TOKENIZER_FILE, model);
  const adapted = adaptTokenizerJson(model);
  const backend = attempt(() => makeBackend(adapted, unkToken));
  const special = readSpecialTokens(config, specialTokensMap, (token) => idOf.get(token));
  const { bosId, eosId, padId } = special;
  const added = backend.get_added_tokens_decoder();
  const isSpecial = (id: number): boolean => special.ids.has(id) || added.get(id)?.special === true;
  const isShown = (id: number, { skipSpecialTokens = false }: DecodeOptions): boolean =>
    tokenOf.has(id) && !(skipSpecialTokens && isSpecial(id));

  const ends: Ends = {
    ...(bosId === undefined ? {} : { bosId }),
    addsBos: config.add_bos_token === true,
    ...(eosId === undefined ? {} : { eosId }),
    addsEos: config.add_eos_token === true,
  };

  const decodeAll = (ids: readonly number[]): string =>
    ids.length === 0 ? '' : attempt(() => backend.decode([...ids]));
  const isBytes = isByteLevel(model);
  const partOf = tokenParts(
    (id) => (added.has(id) ? undefined : tokenOf.get(id)),
    (id) => added.get(id)?.content,
  );
  const newStream = (): TextStream =>
    isBytes ? new ByteTextStream(partOf) : new WindowTextStream(decodeAll, (id) => byteOfToken(tokenOf.get(id)));
  const textStream = (options: DecodeOptions = {}): TextStream => {
    const stream = newStream();
    return { push: (id) => (isShown(id, options) ? stream.push(id) : ''), end: () => stream.end() };
  };
  const decode = (ids: readonly number[], options: DecodeOptions = {}): string => {
    const present = ids.filter((id) => isShown(id, options));
    if (!isBytes) return decodeAll(present);
    const stream = newStream();
    return present.map((id) => stream.push(id)).join('') + stream.end();
  };
  const offsets = (ids: readonly number[]): number[] => charOffsets(ids, textStream(), decode(ids).length);
  return {
    vocabSize: size,
    ...(bosId === undefined ? {} : { bosId }),
    eosIds: eosId === undefined ? [] : [eosId],
    ...(padId === undefined ? {} : { padId }),
    ...(chatTemplates.has(DEFAULT_TEMPLATE) ? { chatTemplate: chatTemplates.get(DEFAULT_TEMPLATE) as string } : {}),
    chatTemplates,
    encode(text, { addSpecialTokens = false } = {}) {
      if (text === '' && !addSpecialTokens) return [];
      const wellFormed = text.replace(/\p{Surrogate}/gu, '\ufffd');
      const plain = encodePlain(backend, wellFormed, false);
      return addSpecialTokens ? withSpecialTokens(encodePlain(backend, wellFormed, true), plain, ends) : plain;
    },
    decode,
    idOf: (token) => idOf.get(token),
    tokenOf: (id) => tokenOf.get(id),
    isSpecial,
    pieces(ids) {
      const text = decode(ids);
      const starts = offsets(ids);
      return ids.map((_, i) => text.slice(starts[i], starts[i + 1]));
    },
    charOffsets: offsets,
    textStream,
  };
}

function encodePlain(backend: Backend, text: string, addSpecialTokens: boolean): number[] {
  const { ids, tokens } = attempt(() => backend.encode(text, { add_special_tokens: addSpecialTokens }));
  const bad = ids.indexOf(undefined);
  if (bad === -1) return ids as number[];
  throw new ToolError('config', {
    op: 'encode',
    expected: 'text within the vocabulary (the tokenizer has no unknown token)',
    got: JSON.stringify(tokens[bad]?.slice(0, 80)),
  });
}

/** The special tokens around a text that tokenizer_config.json asks for, whatever tokenizer.json's template says. */
interface Ends {
  readonly bosId?: number;
  readonly addsBos: boolean;
  readonly eosId?: number;
  readonly addsEos: boolean;
}

/** The ids with special tokens: a begin token that the text has already is not put before it again. */
function withSpecialTokens(ids: readonly number[], plain: readonly number[], ends: Ends): number[] {
  const { bosId, addsBos, eosId, addsEos } = ends;
  const isDoubled =
    bosId !== undefined && ids[0] === bosId && ids[1] === bosId && plain[0] === bosId && ids.length > plain.length;
  const all = isDoubled ? ids.slice(1) : [...ids];
  if (addsBos && bosId !== undefined && all[0] !== bosId) all.unshift(bosId);
  if (addsEos && eosId !== undefined && all.at(-1) !== eosId) all.push(eosId);
  return all;
}

/** Whether the tokens' bytes are joined first and read as UTF-8 then, so that each token's bytes are its text. */
function isByteLevel({ decoder, model }: JsonObject): boolean {
  // A suffix that marks the end of a word is replaced by a space in the joined text.
  const hasSuffix =
    isJsonObject(model) && typeof model.end_of_word_suffix === 'string' && model.end_of_word_suffix !== '';
  return isJsonObject(decoder) && decoder.type === 'ByteLevel' && !hasSuffix;
}

/** What each id stands for, worked out once. */
function tokenParts(
  tokenOf: (id: number) => string | undefined,
  addedOf: (id: number) => string | undefined,
): (id: number) => TokenPart {
  const parts = new Map<number, TokenPart>();
  return (id) => {
    if (parts.has(id)) return parts.get(id);
    const token = tokenOf(id);
    const part = token === undefined ? addedOf(id) : tokenPart(tokenBytes(token));
    parts.set(id, part);
    return part;
  };
}

/** The byte that a token such as `<0xE2>` stands for: how SentencePiece vocabularies write what they have no token for. */
function byteOfToken(token: string | undefined): number | undefined {
  return token !== undefined && /^<0x[0-9A-F]{2}>$/.test(token) ? Number.parseInt(token.slice(3, 5), 16) : undefined;
}

/** What the library gives; its own errors come of files that it does not understand. */
function attempt<Result>(run: () => Result): Result {
  try {
    return run();
  } catch (cause) {
    const got = cause instanceof Error ? cause.message.slice(0, 160) : String(cause);
    throw new ToolError('corrupt', {
      op: TOKENIZER_FILE,
      expected: 'a tokenizer that the library understands',
      got,
      cause,
    });
  }
}
