import { readFileSync } from 'node:fs';
import { ToolError } from '@dawngrad/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memoryFiles } from '../../src/io/memory-files.ts';
import { openModelFiles } from '../../src/node/model-files.ts';
import { StreamingDecoder } from '../../src/tokenizer/streaming-decoder.ts';
import { checkTokenizerFits, loadTokenizer, type Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { sharedData } from '../shared-data.ts';

interface AddedToken {
  readonly id: unknown;
  readonly content: unknown;
  readonly special?: boolean;
}

interface TokenizerParts {
  readonly model?: unknown;
  readonly post_processor?: object;
  readonly added_tokens?: readonly AddedToken[] | null;
}

const BPE = { type: 'BPE', vocab: { a: 0, b: 1, ab: 2 }, merges: ['a b'] };

function load(
  parts: TokenizerParts | string,
  config: object = {},
  more: Readonly<Record<string, string>> = {},
): Promise<Tokenizer> {
  const json =
    typeof parts === 'string'
      ? parts
      : JSON.stringify({
          added_tokens: [],
          normalizer: null,
          pre_tokenizer: null,
          post_processor: null,
          decoder: null,
          ...parts,
        });
  const encoder = new TextEncoder();
  const entries = new Map([
    ['tokenizer.json', encoder.encode(json)],
    ['tokenizer_config.json', encoder.encode(JSON.stringify(config))],
    ...Object.entries(more).map(([name, text]) => [name, encoder.encode(text)] as const),
  ]);
  return loadTokenizer(memoryFiles('dir', entries));
}

describe('loadTokenizer', () => {
  it('finds the special tokens, written as text or as objects', async () => {
    const added = [
      { id: 3, content: '<s>', special: true },
      { id: 4, content: '</s>', special: true },
    ];
    const config = { bos_token: '<s>', eos_token: { content: '</s>' }, pad_token: null, chat_template: '{{ x }}' };
    const tokenizer = await load({ model: BPE, added_tokens: added }, config);
    expect(tokenizer).toMatchObject({ vocabSize: 5, bosId: 3, eosIds: [4], chatTemplate: '{{ x }}' });
    expect(tokenizer.padId).toBeUndefined();
    expect(tokenizer.encode('<s>ab</s>')).toEqual([3, 2, 4]);
    expect([tokenizer.idOf('</s>'), tokenizer.idOf('x'), tokenizer.tokenOf(2), tokenizer.tokenOf(9)]).toEqual([
      4,
      undefined,
      'ab',
      undefined,
    ]);
  });

  it.each<[string, TokenizerParts | string, string]>([
    ['broken JSON', '{', 'JSON'],
    ['no model', {}, 'an object model'],
    ['a model of an unknown type', { model: { ...BPE, type: 'Magic' } }, 'model.type'],
    ['a model type of the prototype', { model: { ...BPE, type: '__proto__' } }, 'model.type'],
    ['no vocabulary', { model: { type: 'BPE', merges: [] } }, 'model.vocab'],
    ['an empty vocabulary', { model: { type: 'BPE', vocab: {}, merges: [] } }, 'at least one token'],
    ['a vocabulary of text', { model: { ...BPE, vocab: 'abc' } }, 'model.vocab'],
    ['an id of 4e9, which would allocate', { model: { ...BPE, vocab: { a: 4_000_000_000 } } }, 'ids from 0 to 999999'],
    ['a negative id', { model: { ...BPE, vocab: { a: -1 } } }, '-1 for "a"'],
    ['a fractional id', { model: { ...BPE, vocab: { a: 0.5 } } }, '0.5 for "a"'],
    ['an id as text', { model: { ...BPE, vocab: { a: '0' } } }, '"0" for "a"'],
    ['two tokens of one id', { model: { ...BPE, vocab: { a: 0, b: 0 } } }, 'id 0 for "a" and "b"'],
    ['a repeated token', '{"model":{"type":"BPE","vocab":{"a":0,"a":1},"merges":[]}}', '"a" twice'],
    ['no merges', { model: { type: 'BPE', vocab: { a: 0 } } }, 'model.merges'],
    ['a merge of three parts', { model: { ...BPE, merges: ['a b c'] } }, 'merges of two parts'],
    ['a merge that is a number', { model: { ...BPE, merges: ['a b', 3] } }, 'merges of two parts'],
    ['mixed merges', { model: { ...BPE, merges: [['a', 'b'], 'a b'] } }, 'merges of two parts'],
    ['added tokens that are missing', { model: BPE, added_tokens: null }, 'an array added_tokens'],
    ['an added token without content', { model: BPE, added_tokens: [{ id: 3, content: '' }] }, 'with a content'],
    ['an added token without id', { model: BPE, added_tokens: [{ id: undefined, content: 'x' }] }, 'nothing for "x"'],
    ['an added token over another', { model: BPE, added_tokens: [{ id: 1, content: 'x' }] }, 'id 1 for "b" and "x"'],
    ['an added token with a second id', { model: BPE, added_tokens: [{ id: 7, content: 'b' }] }, '"b" as 1 and 7'],
    [
      'an added token of 5,000 characters',
      { model: BPE, added_tokens: [{ id: 7, content: 'x'.repeat(5000) }] },
      'at most 4096',
    ],
    ['Unigram pieces without scores', { model: { type: 'Unigram', vocab: ['a'], unk_id: 0 } }, 'piece and score'],
  ])('refuses a damaged tokenizer.json: %s', async (_, parts, text) => {
    const loading = load(parts);
    await expect(loading).rejects.toBeInstanceOf(ToolError);
    await expect(loading).rejects.toMatchObject({ code: 'corrupt' });
    await expect(loading).rejects.toThrow(text);
  });

  it('refuses parts that the library does not know', async () => {
    const json = JSON.stringify({
      model: BPE,
      added_tokens: [],
      normalizer: { type: 'Evil' },
      pre_tokenizer: null,
      post_processor: null,
      decoder: null,
    });
    await expect(load(json)).rejects.toThrow('Unknown Normalizer type: Evil');
  });

  it('refuses a special token that the vocabulary lacks', async () => {
    await expect(load({ model: BPE }, { eos_token: '<end>' })).rejects.toThrow('a eos_token that tokenizer.json knows');
  });

  it('says what is missing', async () => {
    await expect(loadTokenizer(memoryFiles('dir', new Map()))).rejects.toMatchObject({ code: 'config' });
    const sentencePiece = memoryFiles('dir', new Map([['tokenizer.model', new Uint8Array(1)]]));
    await expect(loadTokenizer(sentencePiece)).rejects.toThrow('tokenizer.model, a SentencePiece file');
  });
});

describe('roles of tokens', () => {
  const added = ['<s>', '</s>', '<pad>', '<turn>'].map((content, i) => ({
    id: 3 + i,
    content,
    special: content !== '<turn>',
  }));

  it('are found in special_tokens_map.json where tokenizer_config.json has none', async () => {
    const map = {
      bos_token: { content: '<s>', lstrip: false },
      eos_token: '</s>',
      additional_special_tokens: ['<turn>'],
    };
    const more = { 'special_tokens_map.json': JSON.stringify(map) };
    const tokenizer = await load({ model: BPE, added_tokens: added }, { eos_token: '<pad>', bos_token: null }, more);
    expect(tokenizer).toMatchObject({ bosId: 3, eosIds: [5] });
    expect([0, 3, 6].map((id) => tokenizer.isSpecial(id))).toEqual([false, true, true]);
    expect(tokenizer.decode([3, 2, 6], { skipSpecialTokens: true })).toBe('ab');
  });

  it('may be given twice: padding by the end token', async () => {
    const tokenizer = await load(
      { model: BPE, added_tokens: added },
      { eos_token: '</s>', pad_token: { content: '</s>' } },
    );
    expect(tokenizer).toMatchObject({ eosIds: [4], padId: 4 });
    expect(tokenizer.decode(tokenizer.encode('ab</s></s>'))).toBe('ab </s> </s>');
  });

  it('may be named by added_tokens_decoder or added_tokens.json alone', async () => {
    const config = { eos_token: '<end>', added_tokens_decoder: { 9: { content: '<end>', special: true } } };
    const more = { 'added_tokens.json': JSON.stringify({ '<more>': 11 }) };
    const tokenizer = await load({ model: BPE, added_tokens: added }, config, more);
    expect(tokenizer).toMatchObject({ vocabSize: 12, eosIds: [9] });
    expect(tokenizer.encode('ab<end><more>')).toEqual([2, 9, 11]);
    expect([tokenizer.isSpecial(9), tokenizer.isSpecial(11)]).toEqual([true, false]);
    const clash = { added_tokens_decoder: { 1: { content: '<end>' } } };
    await expect(load({ model: BPE, added_tokens: added }, clash)).rejects.toThrow('id 1 for "b" and "<end>"');
    await expect(load({ model: BPE, added_tokens: added }, { added_tokens_decoder: { 1: 'x' } })).rejects.toThrow(
      'a content for each id',
    );
  });

  it('are put around a text once, as the config asks', async () => {
    const config = { bos_token: '<s>', eos_token: '</s>', add_bos_token: true, add_eos_token: true };
    const tokenizer = await load({ model: BPE, added_tokens: added }, config);
    const encode = (text: string): number[] => tokenizer.encode(text, { addSpecialTokens: true });
    expect(encode('ab')).toEqual([3, 2, 4]);
    expect(encode('<s>ab</s>')).toEqual([3, 2, 4]);
    expect(tokenizer.encode('ab')).toEqual([2]);
  });

  it('are not doubled where the template of tokenizer.json adds one', async () => {
    const single = [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }];
    const post_processor = { type: 'TemplateProcessing', single, pair: single };
    const tokenizer = await load({ model: BPE, added_tokens: added, post_processor }, { bos_token: '<s>' });
    const encode = (text: string): number[] => tokenizer.encode(text, { addSpecialTokens: true });
    expect([encode('ab'), encode('<s>ab'), encode('<s><s>ab')]).toEqual([
      [3, 2],
      [3, 2],
      [3, 3, 2],
    ]);
  });
});

describe('chat templates', () => {
  it('come from chat_template.jinja first, and from a list by name', async () => {
    const list = [
      { name: 'default', template: 'plain' },
      { name: 'tool_use', template: 'tools' },
    ];
    const named = await load({ model: BPE, added_tokens: [] }, { chat_template: list });
    expect([named.chatTemplate, named.chatTemplates.get('tool_use')]).toEqual(['plain', 'tools']);
    const file = await load(
      { model: BPE, added_tokens: [] },
      { chat_template: list },
      { 'chat_template.jinja': 'file' },
    );
    expect([file.chatTemplate, file.chatTemplates.get('tool_use')]).toEqual(['file', 'tools']);
    expect((await load({ model: BPE, added_tokens: [] })).chatTemplate).toBeUndefined();
    const bad = load({ model: BPE, added_tokens: [] }, { chat_template: 3 });
    await expect(bad).rejects.toThrow('chat_template as text or as a list');
  });
});

describe('tokenizer.json of a stranger', () => {
  it.each<[string, object, string]>([
    ['a pattern that runs for ever', { pre_tokenizer: split('(a+)+$') }, 'whose parts repeat'],
    [
      'one in a sequence',
      { pre_tokenizer: { type: 'Sequence', pretokenizers: [split('(.*)(.*)x')] } },
      'the same characters',
    ],
    [
      'one in a normalizer',
      { normalizer: { type: 'Replace', pattern: { Regex: '(\\w|\\d)*x' }, content: '' } },
      'with alternatives',
    ],
    [
      'one in a decoder',
      { decoder: { type: 'Replace', pattern: { Regex: '(a*)*' }, content: '' } },
      'whose parts repeat',
    ],
    ['a pattern of another form', { pre_tokenizer: split(undefined) }, 'a pattern {Regex} or {String}'],
    ['an unknown behaviour', { pre_tokenizer: { ...split('a'), behavior: 'Gone' } }, 'behavior "Gone"'],
    ['a Split turned round', { pre_tokenizer: { ...split('a'), invert: true } }, 'a Split with invert'],
    ['dropout', { model: { ...BPE, dropout: 0.1 } }, 'a model without dropout'],
    ['prefixes of words', { model: { ...BPE, continuing_subword_prefix: '##' } }, 'continuing_subword_prefix'],
    [
      'tokens that are whole words',
      { added_tokens: [{ id: 3, content: 'x', single_word: true }] },
      'without single_word',
    ],
    ['pieces of length 0', { pre_tokenizer: { type: 'FixedLength', length: 0 } }, 'a FixedLength from 1'],
    [
      'replacements that double',
      { normalizer: { type: 'Sequence', normalizers: Array(30).fill(doubling()) } },
      'times as long',
    ],
    [
      'templates that double',
      { post_processor: { type: 'Sequence', processors: Array(30).fill(twice()) } },
      'one sequence',
    ],
    [
      'words without end',
      { model: { ...BPE, type: 'WordPiece', max_input_chars_per_word: 1e9 } },
      'max_input_chars_per_word',
    ],
    ['nesting', { normalizer: nested(80) }, 'nesting of at most 64'],
  ])('is refused for %s', async (_, parts, text) => {
    await expect(load({ model: BPE, added_tokens: [], ...parts })).rejects.toThrow(text);
    await expect(load({ model: BPE, added_tokens: [], ...parts })).rejects.toBeInstanceOf(ToolError);
  });
});

function split(regex: string | undefined): object {
  return { type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false };
}

function doubling(): object {
  return { type: 'Replace', pattern: { String: 'a' }, content: 'aa' };
}

function twice(): object {
  const sequence = { Sequence: { id: 'A', type_id: 0 } };
  return { type: 'TemplateProcessing', single: [sequence, sequence], pair: [] };
}

function nested(depth: number): object {
  return depth === 0 ? { type: 'NFC' } : { type: 'Sequence', normalizers: [nested(depth - 1)] };
}

describe('any tokenizer.json', () => {
  const json = JSON.stringify({
    model: { ...BPE, unk_token: 'a', byte_fallback: false },
    added_tokens: [{ id: 3, content: '<s>', special: true, lstrip: false }],
    normalizer: {
      type: 'Sequence',
      normalizers: [{ type: 'NFC' }, { type: 'Replace', pattern: { String: 'x' }, content: 'y' }],
    },
    pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Digits', individual_digits: true }, split('a+|b')] },
    post_processor: { type: 'TemplateProcessing', single: [{ Sequence: { id: 'A', type_id: 0 } }], pair: [] },
    decoder: {
      type: 'Sequence',
      decoders: [{ type: 'ByteFallback' }, { type: 'Strip', content: ' ', start: 1, stop: 0 }],
    },
  });
  const pieces = [
    'null',
    '{',
    '}',
    '[',
    ']',
    '0',
    '-1',
    '1e9',
    '"',
    '"a"',
    ',',
    ':',
    'true',
    '"Split"',
    '"Sequence"',
    '"BPE"',
  ];

  it('loads and works, or is refused in one message, whatever happened to it', async () => {
    const edit = fc.tuple(
      fc.nat(json.length),
      fc.nat(12),
      fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 3 })),
    );
    let loaded = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
        const broken = edits.reduce(
          (text, [at, length, put]) => text.slice(0, at) + put + text.slice(at + length),
          json,
        );
        try {
          const tokenizer = await load(broken);
          loaded++;
          tokenizer.pieces(tokenizer.encode('ab <s> x12', { addSpecialTokens: true }));
        } catch (error) {
          expect(error).toBeInstanceOf(ToolError);
        }
      }),
      { numRuns: 2000 },
    );
    expect(loaded).toBeGreaterThan(20);
  });
});

describe('encode', () => {
  it('writes half a surrogate pair as UTF-8 would, U+FFFD', async () => {
    const vocab = { a: 0, '\ufffd': 1 };
    const tokenizer = await load({ model: { type: 'BPE', vocab, merges: [] }, added_tokens: [] });
    expect(tokenizer.encode('a\ud800a')).toEqual([0, 1, 0]);
  });
});

describe('checkTokenizerFits', () => {
  it('names the first id for which the embedding has no row', async () => {
    const tokenizer = await load({ model: BPE, added_tokens: [{ id: 9, content: '<x>', special: true }] });
    expect(() => checkTokenizerFits(tokenizer, 10)).not.toThrow();
    expect(() => checkTokenizerFits(tokenizer, 9)).toThrow('ids below the model\'s vocab_size 9, got id 9 for "<x>"');
  });
});

describe('decode', () => {
  it('passes over ids that have no token, as a padded embedding may produce', async () => {
    const tokenizer = await load({ model: BPE });
    expect(tokenizer.decode([0, 77, 1])).toBe('a b');
    expect(tokenizer.decode([77])).toBe('');
    expect(tokenizer.decode([])).toBe('');
    expect(tokenizer.charOffsets([0, 77, 1])).toEqual([0, 1, 1, 3]);
  });

  it('keeps or skips special tokens', async () => {
    const tokenizer = await load({ model: BPE, added_tokens: [{ id: 3, content: '<s>', special: true }] });
    expect(tokenizer.decode([3, 2])).toBe('<s> ab');
    expect(tokenizer.decode([3, 2], { skipSpecialTokens: true })).toBe('ab');
  });
});

const CUT = '\n__ggml_vocab_test__\n';

describe.each([
  ['qwen2_5', 'qwen2'],
  // The same vocabulary with some more added tokens, none of which is in these texts.
  ['qwen3', 'qwen2'],
  ['llama3_1', 'llama-bpe'],
  ['gpt2', 'gpt-2'],
] as const)('the golden cases of llama.cpp for %s', (name, golden) => {
  const folder = sharedData(`tokenizers/${name}`);
  const input = sharedData(`tokenizers/ggml-vocab-${golden}.gguf.inp`);
  const output = sharedData(`tokenizers/ggml-vocab-${golden}.gguf.out`);

  it.skipIf(!folder.isPresent || !input.isPresent)('encode to the golden ids and decode to the text', async () => {
    const tokenizer = await loadTokenizer(await openModelFiles(folder.path));
    const texts = readFileSync(input.path, 'utf8').split(CUT);
    const lines = readFileSync(output.path, 'utf8').split('\n').slice(0, texts.length);
    const goldenIds = lines.map((line) => line.trim().split(' ').filter(Boolean).map(Number));
    expect(texts.length).toBeGreaterThan(40);
    expect(texts.map((text) => tokenizer.encode(text))).toEqual(goldenIds);
    // Among these texts are spaces before full stops: with clean-up, as Llama's own config asks, some would differ.
    expect(goldenIds.map((ids) => tokenizer.decode(ids))).toEqual(texts);
    for (const [i, ids] of goldenIds.entries()) {
      expect(tokenizer.pieces(ids).join('')).toBe(texts[i]);
      const offsets = tokenizer.charOffsets(ids);
      expect(offsets).toHaveLength(ids.length + 1);
      expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
    }
  });

  const rows = sharedData('gsm8k/test.jsonl');
  it.skipIf(!folder.isPresent || !rows.isPresent)('decode GSM8K to itself, spaces before full stops too', async () => {
    const tokenizer = await loadTokenizer(await openModelFiles(folder.path));
    for (const line of readFileSync(rows.path, 'utf8').trim().split('\n')) {
      const { question, answer } = JSON.parse(line) as { question: string; answer: string };
      const text = `${question}\n${answer}`;
      const ids = tokenizer.encode(text);
      // Qwen's normalizer composes characters.
      expect(tokenizer.decode(ids)).toBe(name.startsWith('qwen') ? text.normalize('NFC') : text);
    }
    const ids = tokenizer.encode('The answer is 42 . é 🦙 日本');
    const stream = new StreamingDecoder(tokenizer);
    const pieces = ids.map((id) => stream.push(id));
    expect(pieces.filter((piece) => /\p{Surrogate}|\ufffd/u.test(piece))).toEqual([]);
    expect(pieces.join('') + stream.end()).toBe('The answer is 42 . é 🦙 日本');
  });
});

describe('the tokenizers of Qwen2.5 and Qwen3', () => {
  const [older, newer] = [sharedData('tokenizers/qwen2_5'), sharedData('tokenizers/qwen3')];

  it.skipIf(!older.isPresent || !newer.isPresent)('agree but for the tokens that Qwen3 added', async () => {
    const [a, b] = [
      await loadTokenizer(await openModelFiles(older.path)),
      await loadTokenizer(await openModelFiles(newer.path)),
    ];
    expect(b.encode('<think>\n</think>')).toEqual([b.idOf('<think>'), ...b.encode('\n'), b.idOf('</think>')]);
    expect(a.idOf('<think>')).toBeUndefined();
    expect(b.isSpecial(b.idOf('<think>') as number)).toBe(false);
    for (const tokenizer of [a, b]) {
      // Two tokens end a text; the config of the chat model names one, generation_config.json both.
      expect(tokenizer.eosIds).toEqual([tokenizer.idOf('<|im_end|>')]);
      expect(tokenizer.padId).toBe(tokenizer.idOf('<|endoftext|>'));
      expect(tokenizer.bosId).toBeUndefined();
    }
  });
});

describe('the tokenizer of stories260K', () => {
  const folder = sharedData('models/stories260K');

  it.skipIf(!folder.isPresent)('encodes to the golden ids and decodes to the text', async () => {
    const tokenizer = await loadTokenizer(await openModelFiles(folder.path));
    const golden = JSON.parse(readFileSync(`${folder.path}/tokenizer_golden.json`, 'utf8')) as [string, number[]][];
    expect(golden.length).toBeGreaterThan(20);
    expect(golden.map(([text]) => tokenizer.encode(text))).toEqual(golden.map(([, ids]) => ids));
    expect(golden.map(([, ids]) => tokenizer.decode(ids))).toEqual(golden.map(([text]) => text));
    expect(golden.map(([, ids]) => tokenizer.pieces(ids).join(''))).toEqual(golden.map(([text]) => text));
    expect(tokenizer.encode('Once', { addSpecialTokens: true })[0]).toBe(tokenizer.bosId);
  });

  const rows = sharedData('gsm8k/test.jsonl');
  it.skipIf(!folder.isPresent || !rows.isPresent)(
    'decodes GSM8K texts back to themselves, with pieces that cover them',
    async () => {
      const tokenizer = await loadTokenizer(await openModelFiles(folder.path));
      for (const line of readFileSync(rows.path, 'utf8').split('\n').slice(0, 20)) {
        const { answer } = JSON.parse(line) as { answer: string };
        const ids = tokenizer.encode(answer);
        expect(tokenizer.decode(ids)).toBe(answer);
        expect(tokenizer.pieces(ids).join('')).toBe(answer);
      }
    },
  );
});
