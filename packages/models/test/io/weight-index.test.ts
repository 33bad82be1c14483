import { describe, expect, it } from 'vitest';
import { memoryFiles } from '../../src/io/memory-files.ts';
import { WeightIndex } from '../../src/io/weight-index.ts';
import { makeSafetensors } from './make-safetensors.ts';

const shard = (name: string, value: number): Uint8Array =>
  makeSafetensors(
    `{"${name}":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`,
    new Uint8Array(Float32Array.of(value).buffer),
  );

function open(entries: Readonly<Record<string, Uint8Array | string>>): Promise<WeightIndex> {
  const encoder = new TextEncoder();
  const bytes = Object.entries(entries).map(
    ([name, value]) => [name, typeof value === 'string' ? encoder.encode(value) : value] as const,
  );
  return WeightIndex.open(memoryFiles('dir', new Map(bytes)));
}

const index = (map: unknown): string => JSON.stringify({ metadata: { total_size: 8 }, weight_map: map });
const INDEX = 'model.safetensors.index.json';

describe('WeightIndex', () => {
  it('reads shards as one model', async () => {
    const weights = await open({
      [INDEX]: index({ a: 'model-1.safetensors', b: 'model-2.safetensors' }),
      'model-1.safetensors': shard('a', 1.5),
      'model-2.safetensors': shard('b', -2),
    });
    expect(weights.names).toEqual(['a', 'b']);
    expect([...(await weights.readF32('a')), ...(await weights.readF32('b'))]).toEqual([1.5, -2]);
    expect(weights.has('c')).toBe(false);
    expect(() => weights.entry('c')).toThrow('a tensor c');
  });

  it('prefers the single file', async () => {
    const weights = await open({ 'model.safetensors': shard('a', 1), [INDEX]: 'not even JSON' });
    expect(weights.names).toEqual(['a']);
  });

  it.each([
    ['a path upwards', '../x.safetensors'],
    ['an absolute path', '/etc/x.safetensors'],
    ['a Windows path', 'c:\\x.safetensors'],
    ['a folder', 'a/x.safetensors'],
    ['a NUL', 'x\u0000.safetensors'],
    ['another kind of file', 'x.bin'],
    ['a number', 3],
  ])('refuses a shard named by %s', async (_, name) => {
    const opening = open({ [INDEX]: index({ a: name }) });
    await expect(opening).rejects.toMatchObject({ code: 'corrupt' });
    await expect(opening).rejects.toThrow('the name of a .safetensors file for a');
  });

  it.each([
    ['a shard that is missing', { [INDEX]: index({ a: 'x.safetensors' }) }, 'the shard x.safetensors in dir'],
    [
      'a tensor that is not in its shard',
      { [INDEX]: index({ b: 'x.safetensors' }), 'x.safetensors': shard('a', 1) },
      'b in x.safetensors',
    ],
    ['no weight_map', { [INDEX]: '{}' }, 'an object weight_map'],
    ['a repeated tensor', { [INDEX]: '{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}' }, 'each key once'],
  ])('refuses an index with %s', async (_, entries, part) => {
    const opening = open(entries);
    await expect(opening).rejects.toMatchObject({ code: 'corrupt' });
    await expect(opening).rejects.toThrow(part);
  });

  it('says why pickle files are not read', async () => {
    const opening = open({ 'pytorch_model.bin': new Uint8Array(8) });
    await expect(opening).rejects.toMatchObject({ code: 'config' });
    await expect(opening).rejects.toThrow(/pytorch_model\.bin, a pickle file.*runs code/);
  });

  it('says that there are no weights', async () => {
    await expect(open({ 'config.json': '{}' })).rejects.toThrow('dir: expected model.safetensors, got no weights');
  });
});
