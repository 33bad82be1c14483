import { describe, expect, it } from 'vitest';
import { Progress } from '../../src/ui/progress.ts';
import { byteCount, bytesLine } from '../../src/ui/progress-bytes.ts';

const STATE = { stage: 'get', item: 'model.safetensors' };

describe('bytesLine', () => {
  it('shows how much is there, the rate, and the time left', () => {
    expect(bytesLine({ ...STATE, doneBytes: 312.44e6, totalBytes: 988.1e6, bytesPerSecond: 24.1e6 })).toBe(
      'get    312.4/988.1 MB  31% | 24.1 MB/s | eta 28s | model.safetensors',
    );
    expect(bytesLine({ ...STATE, doneBytes: 5, totalBytes: 900, bytesPerSecond: undefined })).toBe(
      'get      5/900 B   0% | - | eta - | model.safetensors',
    );
    expect(bytesLine({ ...STATE, doneBytes: 2e9, totalBytes: 2e9, bytesPerSecond: 1e9 })).toBe(
      'get    2.0/2.0 GB 100% | 1.0 GB/s | model.safetensors',
    );
  });

  it('is never longer than 120 characters', () => {
    const item = `${'x'.repeat(300)}.safetensors`;
    expect(bytesLine({ ...STATE, item, doneBytes: 1, totalBytes: 15e12, bytesPerSecond: 0 })).toHaveLength(120);
  });
});

describe('byteCount', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [1.5e9, '1.5 GB'],
    [7e15, '7000.0 TB'],
  ])('writes %d as %s', (bytes, text) => expect(byteCount(bytes)).toBe(text));
});

describe('Progress.bytes', () => {
  it('counts the rate from the first report, since what was there before took no time', () => {
    let text = '';
    let now = 0;
    const write = (more: string): void => {
      text += more;
    };
    const progress = new Progress({ write, isTerminal: false, nowMs: () => now });
    progress.bytes('get', 500e6, 1000e6, 'a');
    now = 10_000;
    progress.bytes('get', 600e6, 1000e6, 'b\u001b[31m');
    now = 10_500;
    progress.bytes('get', 610e6, 1000e6, 'c');
    progress.bytes('get', 1000e6, 1000e6, 'd');
    expect(text.split('\n')).toEqual([
      'get    0.5/1.0 GB  50% | - | eta - | a',
      'get    0.6/1.0 GB  60% | 10.0 MB/s | eta 40s | b[31m',
      'get    1.0/1.0 GB 100% | 47.6 MB/s | d',
      '',
    ]);
  });
});
