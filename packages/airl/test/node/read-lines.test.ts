import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readLines } from '../../src/node/read-lines.ts';

const folder = mkdtempSync(join(tmpdir(), 'dawngrad-lines-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(content: string | Uint8Array): string {
  const path = join(folder, 'rows.jsonl');
  writeFileSync(path, content);
  return path;
}

describe('readLines', () => {
  it.each([
    ['', []],
    ['a', ['a']],
    ['a\n', ['a']],
    ['a\nb', ['a', 'b']],
    ['a\r\nb\r\n', ['a', 'b']],
    ['\n\na', ['', '', 'a']],
  ])('of %j are %j', (content, lines) => {
    expect([...readLines(file(content))]).toEqual(lines);
  });

  it('puts characters and lines together that lie across chunks', () => {
    const lines = Array.from({ length: 50 }, (_, i) => 'é😀'.repeat(i * 100));
    expect([...readLines(file(lines.join('\n')))]).toEqual(lines);
  });

  it('keeps a byte-order mark for the parser', () => {
    expect([...readLines(file('\uFEFFa'))]).toEqual(['\uFEFFa']);
  });

  it('names the line that is too long, without reading on', () => {
    const path = file(`ok\n${'x'.repeat(4 * 1024 * 1024 + 1)}`);
    expect(() => [...readLines(path)]).toThrow(/rows\.jsonl:2: expected a line of at most 4194304 bytes/);
  });

  it('names the line that is not UTF-8', () => {
    expect(() => [...readLines(file(Uint8Array.of(97, 10, 255)))]).toThrow(/rows\.jsonl:2: expected UTF-8 text/);
  });

  it('refuses a missing file and a directory as errors of the configuration', () => {
    expect(() => [...readLines(join(folder, 'none'))]).toThrow(/expected a readable file, got no such file/);
    expect(() => [...readLines(folder)]).toThrow(/expected a file, got a directory/);
  });
});
