import { ToolError } from '@dawngrad/tensor';
import { describeJson, isJsonObject, type JsonObject } from '../io/strict-json.ts';

/** How much longer than its input a chain of replacements may make a text. */
const MAX_GROWTH = 4096;
const MAX_TEMPLATE_ITEMS = 64;
const MAX_WORD_LENGTH = 1000;

/**
 * Refuses parts of tokenizer.json that make much of little: a chain of replacements that doubles the text at each step,
 * templates that repeat their sequence, pieces of length 0, which never end.
 *
 * @throws ToolError `corrupt`
 */
export function checkGrowth(json: JsonObject): void {
  for (const key of ['normalizer', 'pre_tokenizer', 'decoder'] as const) {
    let growth = 1;
    for (const part of partsOf(json[key])) {
      if (part.type === 'Replace' && typeof part.content === 'string') growth *= Math.max(1, part.content.length);
      if (part.type === 'FixedLength' && !isLength(part.length)) throw refusal('a FixedLength from 1', part.length);
    }
    if (growth > MAX_GROWTH) throw refusal(`a ${key} that makes a text at most ${MAX_GROWTH} times as long`, growth);
  }
  for (const { single } of partsOf(json.post_processor)) {
    if (single === undefined) continue;
    const items: readonly unknown[] = Array.isArray(single) ? single : [];
    const sequences = items.filter((item) => isJsonObject(item) && 'Sequence' in item);
    if (sequences.length !== 1 || items.length > MAX_TEMPLATE_ITEMS) {
      throw refusal(`a template of at most ${MAX_TEMPLATE_ITEMS} parts with one sequence`, single);
    }
  }
  const { model } = json;
  if (!isJsonObject(model) || model.max_input_chars_per_word === undefined) return;
  const length = model.max_input_chars_per_word;
  if (!isLength(length) || length > MAX_WORD_LENGTH) {
    throw refusal(`a max_input_chars_per_word from 1 to ${MAX_WORD_LENGTH}`, length);
  }
}

/** A part and, of a Sequence, its parts. */
function* partsOf(part: unknown): Generator<JsonObject> {
  if (!isJsonObject(part)) return;
  yield part;
  for (const list of [part.normalizers, part.pretokenizers, part.decoders, part.processors]) {
    if (Array.isArray(list)) for (const inner of list) yield* partsOf(inner);
  }
}

function isLength(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
}

function refusal(expected: string, got: unknown): ToolError {
  return new ToolError('corrupt', { op: 'tokenizer.json', expected, got: describeJson(got) });
}
