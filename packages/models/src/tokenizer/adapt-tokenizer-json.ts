import { ToolError } from '@dawngrad/tensor';
import { describeJson, isJsonObject, type JsonObject } from '../io/strict-json.ts';
import { checkGrowth } from './check-growth.ts';
import { patternFault } from './check-pattern.ts';

const FILE = 'tokenizer.json';

/**
 * tokenizer.json as the library has to be given it so that it does what the reference implementation (Hugging Face's
 * tokenizers, in Rust) does. Parts that the library takes in silence and gets wrong are written in other parts that it
 * gets right; what cannot be written so is refused, and so are patterns that could run for ever.
 *
 * @throws ToolError `config` for a part that is not supported, `corrupt` for one that is damaged
 */
export function adaptTokenizerJson(json: JsonObject): JsonObject {
  checkModel(json.model);
  checkGrowth(json);
  checkAddedTokens(json.added_tokens);
  return {
    ...json,
    pre_tokenizer: adapt(json.pre_tokenizer, 'pretokenizers', adaptPreTokenizer),
    normalizer: adapt(json.normalizer, 'normalizers', adaptNormalizer),
    decoder: adapt(json.decoder, 'decoders', adaptDecoder),
  };
}

/** Goes through a part and the parts of a Sequence. */
function adapt(part: unknown, list: string, one: (part: JsonObject) => JsonObject): unknown {
  if (!isJsonObject(part)) return part ?? null;
  if (part.type !== 'Sequence') return one(part);
  const parts = part[list];
  return Array.isArray(parts) ? { ...part, [list]: parts.map((inner: unknown) => adapt(inner, list, one)) } : part;
}

function adaptPreTokenizer(part: JsonObject): JsonObject {
  switch (part.type) {
    case 'Split':
      return adaptSplit(part);
    case 'Digits':
      // The library knows ASCII digits only.
      return isolated(part.individual_digits === true ? '\\p{N}' : '\\p{N}+');
    case 'Whitespace':
      // The library's \w is ASCII.
      return matches('\\w+|[^\\w\\s]+');
    case 'WhitespaceSplit':
      return matches('\\S+');
    case 'Punctuation':
      // The library joins neighbours and has no behaviours.
      return adaptSplit({ type: 'Split', pattern: { Regex: PUNCTUATION }, behavior: part.behavior ?? 'Isolated' });
    case 'BertPreTokenizer':
      // The library's white space is JavaScript's, which has U+FEFF and lacks U+0085.
      return matches(`${PUNCTUATION}|[^\\s${PUNCTUATION.slice(1)}+`);
    case 'ByteLevel':
      return part.use_regex === false ? part : adaptByteLevel(part);
    case 'Metaspace':
      return adaptMetaspace(part);
    default:
      return part;
  }
}

const PUNCTUATION = '[\\p{P}!-/:-@\\[-`{-~]';

/** GPT-2's split; for the white space, see above. */
const GPT2_SPLIT = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

function adaptByteLevel(part: JsonObject): JsonObject {
  const addsSpace = part.add_prefix_space !== false;
  // A match without length would also be found between the halves of a surrogate pair.
  const prefix = { type: 'Replace', pattern: { Regex: '\\A[^ ]' }, content: ' $&' };
  const bytes = { ...part, add_prefix_space: false, use_regex: false };
  return { type: 'Sequence', pretokenizers: [...(addsSpace ? [prefix] : []), isolated(GPT2_SPLIT), bytes] };
}

/** The library isolates matches, or removes them, or keeps them alone; the other behaviours are written as patterns. */
function adaptSplit(part: JsonObject): JsonObject {
  const regex = regexOf(part.pattern);
  checkPattern(regex);
  const { behavior, invert } = part;
  if (invert === true) {
    if (behavior !== 'Removed') throw unsupported('a Split with invert', `behavior ${describeJson(behavior)}`);
    return part;
  }
  switch (behavior) {
    case 'Isolated':
      return part;
    case 'Removed':
      // The library leaves a pattern that is given as text where it is.
      return { ...part, pattern: { Regex: regex } };
    case 'Contiguous':
      return isolated(`(?:${regex})+`);
    case 'MergedWithPrevious':
      return matches(`[\\s\\S]*?(?:${regex})|[\\s\\S]+`);
    case 'MergedWithNext':
      return matches(`(?:${regex})(?:(?!${regex})[\\s\\S])*|(?:(?!${regex})[\\s\\S])+`);
    default:
      throw unsupported('a Split', `behavior ${describeJson(behavior)}`);
  }
}

function adaptMetaspace(part: JsonObject): JsonObject {
  const { replacement = '▁', add_prefix_space: addsSpace, split } = part;
  if (typeof replacement !== 'string' || [...replacement].length !== 1) {
    throw unsupported('a Metaspace of one character', describeJson(replacement));
  }
  // Files of before tokenizers 0.19 say only whether to add a space.
  const scheme = part.prepend_scheme ?? (addsSpace === false ? 'never' : 'always');
  const marked = { ...part, prepend_scheme: scheme };
  if (split === false) return marked;
  const mark = `\\u{${(replacement.codePointAt(0) as number).toString(16)}}`;
  return { type: 'Sequence', pretokenizers: [marked, matches(`${mark}[^${mark}]*|[^${mark}]+`)] };
}

/** The library's Strip takes U+FEFF too, and leaves U+0085. */
function adaptNormalizer(part: JsonObject): JsonObject {
  if (part.type !== 'Strip') return adaptReplace(part);
  const without = (regex: string): JsonObject => ({ type: 'Replace', pattern: { Regex: regex }, content: '' });
  return {
    type: 'Sequence',
    normalizers: [
      ...(part.strip_left === true ? [without('\\A\\s+')] : []),
      ...(part.strip_right === true ? [without('\\s+\\z')] : []),
    ],
  };
}

function adaptDecoder(part: JsonObject): JsonObject {
  // Without a space put in front there is none to take away.
  if (part.type === 'Metaspace' && part.prepend_scheme === 'never') {
    return { type: 'Replace', pattern: { String: part.replacement ?? '▁' }, content: ' ' };
  }
  return adaptReplace(part);
}

/** In JavaScript's replacements `$` has a meaning. */
function adaptReplace(part: JsonObject): JsonObject {
  if (part.type !== 'Replace') return part;
  checkPattern(regexOf(part.pattern));
  return typeof part.content === 'string' ? { ...part, content: part.content.replaceAll('$', '$$$$') } : part;
}

function isolated(regex: string): JsonObject {
  return { type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false };
}

/** Keeps what matches and drops the rest. */
function matches(regex: string): JsonObject {
  return { type: 'Split', pattern: { Regex: regex }, behavior: 'Removed', invert: true };
}

function regexOf(pattern: unknown): string {
  const { Regex: regex, String: text } = isJsonObject(pattern) ? pattern : {};
  if (typeof regex === 'string') return regex;
  if (typeof text === 'string' && text !== '') return escaped(text);
  throw new ToolError('corrupt', { op: FILE, expected: 'a pattern {Regex} or {String}', got: describeJson(pattern) });
}

function checkPattern(regex: string): void {
  const fault = patternFault(regex);
  if (fault === undefined) return;
  throw new ToolError('config', {
    op: FILE,
    expected: 'patterns whose work is bounded',
    got: `${fault} in ${JSON.stringify(regex.slice(0, 120))}`,
    hint: 'It could take longer than anyone can wait on a text of some lines.',
  });
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}

function checkModel(model: unknown): void {
  if (!isJsonObject(model)) return;
  const { dropout, continuing_subword_prefix: prefix, type } = model;
  if (typeof dropout === 'number' && dropout > 0) throw unsupported('a model without dropout', String(dropout));
  if (type !== 'WordPiece' && typeof prefix === 'string' && prefix !== '') {
    throw unsupported('a BPE model without continuing_subword_prefix', JSON.stringify(prefix));
  }
}

function checkAddedTokens(tokens: unknown): void {
  if (!Array.isArray(tokens)) return;
  for (const token of tokens as unknown[]) {
    if (isJsonObject(token) && token.single_word === true) {
      throw unsupported('added tokens without single_word', describeJson(token.content));
    }
  }
}

function unsupported(expected: string, got: string): ToolError {
  return new ToolError('config', { op: FILE, expected, got, hint: 'This tokenizer is not supported yet.' });
}
