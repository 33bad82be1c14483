import { ToolError } from '@dawngrad/tensor';
import { MAX_VOCAB_SIZE } from '../config/decoder-config.ts';
import { describeJson, isJsonObject, type JsonObject } from '../io/strict-json.ts';

/** The ids of a tokenizer.json, added tokens included. */
interface Vocabulary {
  readonly idOf: ReadonlyMap<string, number>;
  readonly tokenOf: ReadonlyMap<number, string>;
  /** One more than the largest id. */
  readonly size: number;
  /** The token for unknown text, where the model has one and the vocabulary knows it. */
  readonly unkToken?: string;
}

const MODEL_TYPES = ['BPE', 'WordPiece', 'Unigram', 'WordLevel'];
const MAX_MERGES = 2_000_000;
const MAX_TOKEN_LENGTH = 4096;

/**
 * Checks the parts of tokenizer.json whose damage the library would take in silence: an id of 4e9 makes it allocate,
 * two tokens of one id lose one of them. Throws ToolError 'corrupt' naming `file`.
 */
export function checkTokenizerJson(file: string, json: JsonObject): Vocabulary {
  const corrupt = (expected: string, got: string): ToolError => new ToolError('corrupt', { op: file, expected, got });
  const model = json.model;
  if (!isJsonObject(model)) throw corrupt('an object model', describeJson(model));
  // Files of before 2020 leave the type out; the library guesses then.
  if (model.type !== undefined && !MODEL_TYPES.includes(String(model.type))) {
    throw corrupt(`model.type among ${MODEL_TYPES.join(', ')}`, describeJson(model.type));
  }
  const idOf = new Map<string, number>();
  const tokenOf = new Map<number, string>();
  const add = (token: unknown, id: unknown, isAdded: boolean): void => {
    if (typeof token !== 'string' || token.length > MAX_TOKEN_LENGTH) {
      throw corrupt(`tokens of at most ${MAX_TOKEN_LENGTH} characters`, describeJson(token));
    }
    if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0 || id >= MAX_VOCAB_SIZE) {
      throw corrupt(`ids from 0 to ${MAX_VOCAB_SIZE - 1}`, `${describeJson(id)} for ${describeJson(token)}`);
    }
    const other = tokenOf.get(id);
    if (other !== undefined && other !== token) {
      throw corrupt('one token for each id', `id ${id} for ${describeJson(other)} and ${describeJson(token)}`);
    }
    const otherId = idOf.get(token);
    // Unigram lists pieces by position, and some published lists repeat a piece; the first counts.
    if (otherId !== undefined && otherId !== id && isAdded) {
      throw corrupt('one id for each token', `${describeJson(token)} as ${otherId} and ${id}`);
    }
    tokenOf.set(id, token);
    if (otherId === undefined) idOf.set(token, id);
  };
  const { vocab } = model;
  if (Array.isArray(vocab)) {
    for (const [id, item] of (vocab as unknown[]).entries()) {
      if (!Array.isArray(item) || typeof item[1] !== 'number') {
        throw corrupt('pairs of piece and score in model.vocab', describeJson(item));
      }
      add(item[0], id, false);
    }
  } else if (isJsonObject(vocab)) {
    for (const [token, id] of Object.entries(vocab)) add(token, id, false);
  } else {
    throw corrupt('an object or array model.vocab', describeJson(vocab));
  }
  const { added_tokens: addedTokens } = json;
  if (!Array.isArray(addedTokens)) throw corrupt('an array added_tokens', describeJson(addedTokens));
  for (const item of addedTokens as unknown[]) {
    if (!isJsonObject(item) || item.content === '') throw corrupt('added_tokens with a content', describeJson(item));
    add(item.content, item.id, true);
  }
  if (model.type === 'BPE' || model.merges !== undefined) checkMerges(model.merges, corrupt);
  if (tokenOf.size === 0) throw corrupt('at least one token', 'none');
  const unkToken = typeof model.unk_token === 'string' && idOf.has(model.unk_token) ? model.unk_token : undefined;
  return { idOf, tokenOf, size: maxOf(tokenOf.keys()) + 1, ...(unkToken === undefined ? {} : { unkToken }) };
}

/** Merges are "left right" or, since tokenizers 0.20, [left, right]; one file uses one form. */
function checkMerges(merges: unknown, corrupt: (expected: string, got: string) => ToolError): void {
  if (!Array.isArray(merges)) throw corrupt('an array model.merges', describeJson(merges));
  if (merges.length > MAX_MERGES) throw corrupt(`at most ${MAX_MERGES} merges`, `${merges.length}`);
  const isPairs = Array.isArray(merges[0]);
  for (const merge of merges as unknown[]) {
    const parts: unknown = isPairs ? merge : typeof merge === 'string' ? merge.split(' ') : undefined;
    if (!Array.isArray(parts) || parts.length !== 2 || parts.some((part) => typeof part !== 'string')) {
      throw corrupt('merges of two parts', describeJson(merge));
    }
  }
}

function maxOf(values: Iterable<number>): number {
  let max = -1;
  for (const value of values) if (value > max) max = value;
  return max;
}
