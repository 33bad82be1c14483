import { describe, expect, it } from 'vitest';
import { patternFault } from '../../src/tokenizer/check-pattern.ts';

describe('patternFault', () => {
  // The pre-tokenizers of published models.
  it.each<[string, string]>([
    ['GPT-2', "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"],
    [
      'Qwen2',
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
    ],
    [
      'Llama 3',
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
    ],
    [
      'o200k',
      "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
    ],
    [
      'DeepSeek V3',
      '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+',
    ],
    ['DeepSeek, Chinese', '[一-龥\\u0800-一가-퟿]+'],
    ['BLOOM', ' ?[^(\\s|[.,!?…。，、।۔،])]+'],
    ['digits by threes from the right', '\\p{N}{1,3}(?=(?:\\p{N}{3})*(?!\\p{N}))'],
    ['Falcon', '[0-9][0-9][0-9]'],
    ['a space', ' '],
    ['one of many digits', '\\d{1,3}(?!\\d)|\\s?'],
  ])('passes that of %s', (_, pattern) => {
    expect(patternFault(pattern)).toBeUndefined();
  });

  it.each<[string, string]>([
    ['(a+)+$', 'whose parts repeat'],
    ['(?:\\w|\\d)*!', 'with alternatives'],
    ['(?:a|a)+', 'with alternatives'],
    ['([a-z]*)*x', 'whose parts repeat'],
    ['(?:(?:a{1,9}){1,9}){1,9}', 'whose parts repeat'],
    ['(.*)(.*)x', 'the same characters'],
    ['\\s*\\s*\\s*x', 'the same characters'],
    ['[\\s\\S]*[a-z]*[^ ]*q', 'the same characters'],
    ['\\w+\\s?\\w+\\s?\\w+!', 'the same characters'],
    ['(?:x*)x*y', 'the same characters'],
    [`${'a?'.repeat(30)}${'a'.repeat(30)}`, 'may be left out'],
    ['(?=(.*)(.*)z)', 'the same characters'],
    ['(a)\\1', 'a reference back'],
    ['a{1000}', 'a count over 64'],
    ['a{2}{3}', 'a repetition of a repetition'],
    ['(?#note)', 'another kind'],
    ['(a', 'without an end'],
    ['a)', 'too many'],
    ['[a', 'without an end'],
    ['*', 'where a part should be'],
    ['\\', 'where a part should be'],
    ['('.repeat(40), 'groups over 16 deep'],
    ['a'.repeat(5000), 'over 4096 characters'],
  ])('refuses %s', (pattern, fault) => {
    expect(patternFault(pattern)).toContain(fault);
  });
});
