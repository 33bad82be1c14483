import { ToolError } from '@dawngrad/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memorySource } from '../../src/io/memory-files.ts';
import { SafetensorsFile } from '../../src/io/safetensors.ts';
import { joinBytes, littleEndian64, makeSafetensors } from './make-safetensors.ts';

const data = (bytes: number): Uint8Array => new Uint8Array(bytes);
const tensor = (offsets: string, shape = '[2]', dtype = 'F32'): string =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;
const one = (body: string, bytes = 8): Uint8Array => makeSafetensors(`{"w":${body}}`, data(bytes));

/** Every way in which a header can lie: name, file, and a part of the message that must name the lie. */
const MALFORMED: readonly (readonly [string, Uint8Array, string])[] = [
  ['an empty file', data(0), '0 bytes'],
  ['a file shorter than the length word', data(7), '7 bytes'],
  ['a length word alone that says 0', littleEndian64(0n), 'header length of 0'],
  ['a header of one byte', makeSafetensors('{'), 'header length of 1'],
  ['a header length past the end of the file', joinBytes(littleEndian64(100n), data(10)), 'header length of 100'],
  ['a header length of one byte too many', joinBytes(littleEndian64(3n), data(2)), 'header length of 3'],
  ['a header length over the cap', joinBytes(littleEndian64(100_000_001n), data(2)), 'at most 100000000'],
  ['a header length of 2^53 + 1', joinBytes(littleEndian64(2n ** 53n + 1n), data(2)), '9007199254740993'],
  ['a header length of 2^64 - 1', joinBytes(littleEndian64(2n ** 64n - 1n), data(2)), '18446744073709551615'],
  ['a text file', new TextEncoder().encode('version https://git-lfs.github.com/spec/v1\n'), 'header of at most'],
  ['a zip file, as torch.save writes', joinBytes(new TextEncoder().encode('PK\u0003\u0004'), data(60)), 'header'],
  ['a header that is an array', makeSafetensors('[]'), 'starts with {'],
  ['a header with leading space', makeSafetensors(' {}'), 'starts with {'],
  ['a header that is not JSON', makeSafetensors('{"w":'), 'JSON'],
  ['a header with text after the object', makeSafetensors('{} x'), 'JSON'],
  ['a header that is not UTF-8', makeSafetensors(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)), 'UTF-8'],
  ['a name cut within a surrogate pair', makeSafetensors(`{"\\ud800":${tensor('[0,8]')}}`, data(8)), 'well-formed'],
  ['a repeated name', makeSafetensors(`{"w":${tensor('[0,8]')},"w":${tensor('[8,16]')}}`, data(16)), 'each key once'],
  [
    'a name repeated by escapes',
    makeSafetensors(`{"w":${tensor('[0,8]')},"\\u0077":${tensor('[8,16]')}}`, data(16)),
    'each key once',
  ],
  ['a repeated field', one('{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}'), 'each key once'],
  ['repeated metadata', makeSafetensors('{"__metadata__":{"a":"1","a":"2"}}'), 'each key once'],
  ['deep nesting', makeSafetensors(`{"w":${'['.repeat(100_000)}`), 'nesting'],
  ['metadata that is a string', makeSafetensors('{"__metadata__":"pt"}'), '__metadata__'],
  ['metadata that is null', makeSafetensors('{"__metadata__":null}'), '__metadata__'],
  ['metadata with a number', makeSafetensors('{"__metadata__":{"step":3}}'), '__metadata__.step'],
  ['metadata with an object', makeSafetensors('{"__metadata__":{"a":{}}}'), '__metadata__.a'],
  ['a tensor that is null', one('null'), 'an object for "w"'],
  ['a tensor that is an array', one('[]'), 'an object for "w"'],
  ['a tensor that is a number', one('3'), 'an object for "w"'],
  [
    'a tensor called __proto__ that is no tensor',
    makeSafetensors('{"__proto__":{"dtype":"F32"}}'),
    '"__proto__" shape',
  ],
  ['no dtype', one('{"shape":[2],"data_offsets":[0,8]}'), 'a dtype of "w"'],
  ['an unknown dtype', one(tensor('[0,8]', '[2]', 'F33')), '"F33"'],
  ['a dtype of the prototype', one(tensor('[0,8]', '[2]', 'constructor')), '"constructor"'],
  ['a dtype in lower case', one(tensor('[0,8]', '[2]', 'f32')), '"f32"'],
  ['a dtype below one byte', one(tensor('[0,8]', '[16]', 'F4')), '"F4"'],
  ['a dtype that is a number', one('{"dtype":4,"shape":[2],"data_offsets":[0,8]}'), 'got 4'],
  ['no shape', one('{"dtype":"F32","data_offsets":[0,8]}'), '"w" shape'],
  ['a shape that is a number', one(tensor('[0,8]', '2')), '"w" shape'],
  ['a shape of strings', one(tensor('[0,8]', '["2"]')), '"w" shape'],
  ['a shape with null', one(tensor('[0,8]', '[null]')), '"w" shape'],
  ['a negative dimension', one(tensor('[0,8]', '[-2]')), 'plain non-negative integers, got -2'],
  ['a fractional dimension', one(tensor('[0,8]', '[2.0]')), 'got 2.0'],
  ['a dimension with an exponent', one(tensor('[0,8]', '[2e0]')), 'got 2e0'],
  ['a dimension over 2^53', one(tensor('[0,8]', '[9007199254740993]')), 'below 2^53'],
  ['an infinite dimension', one(tensor('[0,8]', '[1E400]')), 'got 1E400'],
  ['a shape whose product overflows', one(tensor('[0,8]', '[4294967296,4294967296]')), 'fewer than 2^53'],
  ['a shape that overflows before a 0', one(tensor('[0,0]', '[4294967296,4294967296,0]'), 0), 'fewer than 2^53'],
  ['a rank of 17', one(tensor('[0,4]', `[${Array(17).fill(1)}]`), 4), 'rank at most 16'],
  ['no offsets', one('{"dtype":"F32","shape":[2]}'), '"w" data_offsets'],
  ['one offset', one(tensor('[0]')), 'two data_offsets'],
  ['three offsets', one(tensor('[0,8,8]')), 'two data_offsets'],
  ['offsets as an object', one(tensor('{"0":0,"1":8}')), '"w" data_offsets'],
  ['a negative offset', one(tensor('[-8,0]')), 'got -8'],
  ['a fractional offset', one(tensor('[0,8.5]')), 'got 8.5'],
  ['an offset over 2^53', one(tensor('[9007199254740992,9007199254741000]')), 'below 2^53'],
  ['an offset that passes 2^53 with the header', one(tensor('[9007199254740983,9007199254740991]')), 'within 2^53'],
  ['offsets in the wrong order', one(tensor('[8,0]')), 'in order'],
  ['a span shorter than the shape', one(tensor('[0,4]'), 4), '8 bytes for "w" F32 [2], got a span of 4'],
  ['a span longer than the shape', one(tensor('[0,12]'), 12), 'a span of 12'],
  ['a span of another dtype', one(tensor('[0,8]', '[2]', 'F16')), '4 bytes for "w" F16'],
  ['a hole before the first tensor', one(tensor('[8,16]'), 16), 'a hole'],
  ['a hole between tensors', makeSafetensors(`{"a":${tensor('[0,8]')},"b":${tensor('[12,20]')}}`, data(20)), 'a hole'],
  ['an overlap', makeSafetensors(`{"a":${tensor('[0,8]')},"b":${tensor('[4,12]')}}`, data(12)), 'an overlap'],
  [
    'two tensors in one place',
    makeSafetensors(`{"a":${tensor('[0,8]')},"b":${tensor('[0,8]')}}`, data(8)),
    'an overlap',
  ],
  ['a truncated file', one(tensor('[0,8]'), 7), 'truncated'],
  ['bytes after the last tensor', one(tensor('[0,8]'), 9), 'after the last tensor'],
  ['data without tensors', makeSafetensors('{}', data(1)), 'after the last tensor'],
  [
    'a memory bomb of many overlaps',
    makeSafetensors(`{${Array.from({ length: 1000 }, (_, i) => `"t${i}":${tensor('[0,8]')}`)}}`, data(8)),
    'an overlap',
  ],
];

async function messageOf(bytes: Uint8Array): Promise<string> {
  try {
    await SafetensorsFile.open(memorySource('m.safetensors', bytes));
  } catch (error) {
    if (error instanceof ToolError && error.code === 'corrupt') return error.message;
    throw error;
  }
  return 'accepted';
}

describe('a malformed safetensors header', () => {
  it.each(MALFORMED)('is refused by name: %s', async (_, bytes, part) => {
    const message = await messageOf(bytes);
    expect(message).toMatch(/^m\.safetensors: expected /);
    expect(message).toContain(part);
    expect(message.length).toBeLessThan(600);
  });

  it('is refused when it names more tensors than any model has', async () => {
    const empty = tensor('[0,0]', '[0]', 'U8');
    const names = Array.from({ length: 200_002 }, (_, i) => `"${i}":${empty}`);
    expect(await messageOf(makeSafetensors(`{${names.join(',')}}`))).toContain('at most 200001 keys');
  });
});

describe('a sound safetensors header', () => {
  it.each([
    ['no tensors', makeSafetensors('{}')],
    ['trailing spaces', makeSafetensors('{}      ')],
    ['a scalar', one(tensor('[0,4]', '[]'), 4)],
    [
      'an empty tensor between others',
      makeSafetensors(`{"a":${tensor('[0,8]')},"b":${tensor('[8,8]', '[0,3]')},"c":${tensor('[8,16]')}}`, data(16)),
    ],
    ['data in another order than names', makeSafetensors(`{"a":${tensor('[8,16]')},"b":${tensor('[0,8]')}}`, data(16))],
    ['fields that the format does not know', one('{"dtype":"F32","shape":[2],"data_offsets":[0,8],"note":"x"}')],
  ])('is accepted: %s', async (_, bytes) => {
    expect(await messageOf(bytes)).toBe('accepted');
  });

  it('takes a tensor called __proto__ as a tensor and leaves prototypes alone', async () => {
    const bytes = makeSafetensors(`{"__proto__":${tensor('[0,8]')}}`, data(8));
    const file = await SafetensorsFile.open(memorySource('m', bytes));
    expect(file.entry('__proto__').shape).toEqual([2]);
    expect(({} as { dtype?: string }).dtype).toBeUndefined();
  });

  it('gives spans as offsets in the file, and the metadata', async () => {
    const header = `{"__metadata__":{"format":"pt"},"b":${tensor('[0,8]')},"a":${tensor('[8,12]', '[2,1]', 'BF16')}}`;
    const file = await SafetensorsFile.open(memorySource('m', makeSafetensors(header, data(12))));
    const begin = 8 + header.length;
    expect([...file.tensors.values()]).toEqual([
      { name: 'b', dtype: 'F32', shape: [2], begin, end: begin + 8 },
      { name: 'a', dtype: 'BF16', shape: [2, 1], begin: begin + 8, end: begin + 12 },
    ]);
    expect([...file.metadata]).toEqual([['format', 'pt']]);
  });
});

describe('a mutated safetensors file', () => {
  const sound = makeSafetensors(
    `{"__metadata__":{"format":"pt"},"a":${tensor('[0,8]')},"b":${tensor('[8,16]', '[2,2]', 'F16')},"c":${tensor('[16,16]', '[0]')}}`,
    data(16),
  );
  const fragments = [
    '"',
    '{',
    '}',
    '[',
    ']',
    ':',
    ',',
    '-',
    '9',
    'e',
    '.',
    '\\',
    'null',
    '"a":',
    '\ud83d',
    '1e9',
    '00',
  ];
  const edit = fc.record({
    at: fc.nat(sound.byteLength),
    remove: fc.nat(6),
    insert: fc.oneof(
      fc.uint8Array({ maxLength: 4 }),
      fc.constantFrom(...fragments).map((text) => new TextEncoder().encode(text)),
    ),
    fixLength: fc.boolean(),
  });

  it('is either sound again or refused as corrupt, and never slow', async () => {
    let slowestMs = 0;
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), async (edits) => {
        let bytes = sound;
        for (const { at, remove, insert, fixLength } of edits) {
          bytes = joinBytes(bytes.subarray(0, at), insert, bytes.subarray(at + remove));
          // With the length word set right again the mutation reaches the parser behind it.
          if (fixLength && bytes.byteLength >= 24) bytes.set(littleEndian64(BigInt(bytes.byteLength - 24)), 0);
        }
        const start = performance.now();
        const message = await messageOf(bytes);
        slowestMs = Math.max(slowestMs, performance.now() - start);
        if (message !== 'accepted') refused++;
      }),
      { numRuns: 20_000, interruptAfterTimeLimit: 2_000, markInterruptAsFailure: false },
    );
    expect(refused).toBeGreaterThan(200);
    expect(slowestMs).toBeLessThan(1000);
  });
});
