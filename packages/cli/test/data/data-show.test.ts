import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters, styleText } from 'node:util';
import { makeWordLevelTokenizer } from '@dawngrad/models';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runMain } from '../run-main.ts';
import { sharedData } from '../shared-data.ts';

interface Shown {
  readonly name: string;
  readonly tokens: readonly { id: number; text: string; special: boolean; trained: boolean }[];
  readonly by: string;
  readonly counts: { readonly tokens: number; readonly trained: number };
}

const TEMPLATE =
  "{% for m in messages %}{{ '<u> ' if m.role == 'user' else '<a> ' }}{{ m.content }} <end> {% endfor %}{{ '<a> ' if add_generation_prompt }}";

describe('dawngrad data show', () => {
  let folder: string;
  let model: string;
  const file = (name: string, ...rows: unknown[]): string => {
    const path = join(folder, name);
    writeFileSync(path, rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row))).join('\n'));
    return path;
  };
  const show = async (...args: string[]): Promise<Shown> => {
    const { code, out, err } = await runMain('data', 'show', '--json', ...args);
    expect(err).toBe('');
    expect(code).toBe(0);
    return JSON.parse(out) as Shown;
  };
  const trainedText = ({ tokens }: Shown): string[] =>
    tokens.filter(({ trained }) => trained).map(({ text }) => text.trim());

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'dawngrad-data-'));
    model = folder;
    const files = makeWordLevelTokenizer({
      words: ['one', 'two', 'three', 'four', '1', '2', '3', '+', '='],
      specialTokens: ['<u>', '<a>', '<end>', '<unk>'],
      eosToken: '<end>',
      unkToken: '<unk>',
    });
    for (const [name, bytes] of files) writeFileSync(join(folder, name), bytes);
    writeFileSync(join(folder, 'chat_template.jinja'), TEMPLATE);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('trains the completion of a pair, its end token included', async () => {
    const data = file('pairs.jsonl', { prompt: 'one', completion: 'two' }, { prompt: '1 + 2 =', completion: '3' });
    const shown = await show('--model', model, '--data', data, '--row', '2');
    expect(shown.tokens.map(({ id, text, special, trained }) => [id, text.trim(), special, trained])).toEqual([
      [0, '<u>', true, false],
      [8, '1', false, false],
      [11, '+', false, false],
      [9, '2', false, false],
      [12, '=', false, false],
      [2, '<end>', true, false],
      [1, '<a>', true, false],
      [10, '3', false, true],
      [2, '<end>', true, true],
    ]);
    expect(shown).toMatchObject({ by: 'completion', name: `${data}:2`, counts: { tokens: 9, trained: 2 } });
  });

  it("trains the assistant's turns of a conversation, all or the last", async () => {
    const roles = ['user', 'assistant', 'user', 'assistant'];
    const messages = ['one', 'two', 'three', 'four'].map((content, i) => ({ role: roles[i], content }));
    const data = file('chats.jsonl', { messages });
    expect(trainedText(await show('--model', model, '--data', data))).toEqual(['two', '<end>', 'four', '<end>']);
    expect(trainedText(await show('--model', model, '--data', data, '--turns', 'last'))).toEqual(['four', '<end>']);
  });

  it('shows rows of a data set as they are trained', async () => {
    const data = file('rows.jsonl', { id: 'r1', prompt: '1 + 2 =', answer: '3', target: 'three' });
    const shown = await show('--model', model, '--data', data);
    expect(shown.name).toBe('r1');
    expect(trainedText(shown)).toEqual(['three', '<end>']);
  });

  it('prints tokens and ids without escape sequences where there is no terminal', async () => {
    const data = file('pair.jsonl', { prompt: 'one\u001b[2J\u202e', completion: 'two three' });
    const { out, code } = await runMain('data', 'show', '--model', model, '--data', data);
    expect(code).toBe(0);
    expect(out).not.toMatch(/(?!\n)\p{Cc}|\p{Cf}/u);
    expect(out).toContain('7 tokens, 3 trained');
    expect(out).toMatch(/--- trained, 3 tokens\n ?two\| three\| <end>\nids 5 6 2\n/);
  });

  it('marks by colour where it is asked for, and never under NO_COLOR', async () => {
    const data = file('pair.jsonl', { prompt: 'one', completion: 'two three' });
    vi.stubEnv('NO_COLOR', undefined);
    vi.stubEnv('FORCE_COLOR', '1');
    const { out } = await runMain('data', 'show', '--model', model, '--data', data);
    const [trained] = styleText('green', '|').split('|');
    expect(out.replaceAll(' ', '')).toContain(`${trained}two`);
    expect(out).toContain(styleText('magenta', '<a>').split('<a>')[0]);
    expect(stripVTControlCharacters(out)).not.toBe(out);
    vi.stubEnv('NO_COLOR', '1');
    const plain = await runMain('data', 'show', '--model', model, '--data', data);
    vi.unstubAllEnvs();
    expect(stripVTControlCharacters(plain.out)).toBe(plain.out);
  });

  it.each<[string, (data: string) => string[], number, string]>([
    ['a row that is not there', () => ['--row', '9'], 3, 'expected a row 9, got 1 rows'],
    ['a row of another form', () => ['--row', '2'], 3, 'messages or a completion, as row 1 has'],
    ['row 0', () => ['--row', '0'], 2, 'a number from 1'],
    ['another format', () => ['--format', 'gsm8'], 2, 'gsm8k'],
    ['other turns', () => ['--turns', 'some'], 2, 'all, last'],
  ])('refuses %s', async (what, args, code, text) => {
    const rows = [
      { prompt: 'one', completion: 'two' },
      ...(what === 'a row of another form' ? [{ prompt: 'one' }] : []),
    ];
    const data = file('bad.jsonl', ...rows);
    const result = await runMain('data', 'show', '--model', model, '--data', data, ...args(data));
    expect(result.err).toContain(text);
    expect(result.code).toBe(code);
    expect(result.out).toBe('');
  });

  it.each<[string, unknown, string]>([
    ['messages that are none', { messages: 'hi' }, 'messages as a list'],
    ['messages without a role', { messages: [{ content: 'x' }] }, 'messages as a list'],
    ['a completion that is a number', { prompt: 'one', completion: 3 }, 'text in "completion"'],
    ['no assistant', { messages: [{ role: 'user', content: 'one' }] }, "a turn of the assistant's"],
    ['tools that are no list', { messages: [{ role: 'user', content: 'one' }], tools: 'x' }, 'tools as a list'],
  ])('refuses a row with %s', async (_, row, text) => {
    const data = file('bad.jsonl', row);
    const result = await runMain('data', 'show', '--model', model, '--data', data);
    expect(result.err).toContain(text);
    expect(result.code).toBe(3);
  });

  const qwen = sharedData('tokenizers/qwen2_5');
  const gsm8k = sharedData('gsm8k/train.jsonl');
  it.skipIf(!qwen.isPresent || !gsm8k.isPresent)('shows GSM8K under the tokenizer of Qwen2.5', async () => {
    const shown = await show('--model', qwen.path, '--data', gsm8k.path, '--format', 'gsm8k', '--row', '3');
    const text = shown.tokens.map((token) => token.text).join('');
    expect(text).toContain('<|im_start|>user\n');
    const first = shown.tokens.findIndex(({ trained }) => trained);
    expect(shown.tokens.slice(first).every(({ trained }) => trained)).toBe(true);
    expect(
      shown.tokens
        .slice(0, first)
        .map((token) => token.text)
        .join(''),
    ).toMatch(/<\|im_start\|>assistant\n$/);
    expect(shown.tokens.at(-1)).toMatchObject({ text: '<|im_end|>', special: true, trained: true });
  });
});
