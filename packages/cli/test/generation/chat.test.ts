import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { terminalInput } from '../../src/generation/chat-input.ts';
import { type RunChatOptions, runChat } from '../../src/generation/run-chat.ts';
import { runMain } from '../run-main.ts';
import { writeTinyModel } from '../tiny-model.ts';

/** Words of the tiny tokenizer only, so that nothing becomes unknown. */
const TEMPLATE =
  "{% for m in messages %}{{ 'sum ' if m.role == 'user' else '+ ' if m.role == 'system' else '= ' }}{{ m.content }} {% endfor %}{% if add_generation_prompt %}={% endif %}";

let folder: string;
let model: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-chat-'));
  model = join(folder, 'model');
  await writeTinyModel(model);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function withTemplate(): void {
  const path = join(model, 'tokenizer_config.json');
  const config = JSON.parse(readFileSync(path, 'utf8')) as object;
  writeFileSync(path, JSON.stringify({ ...config, chat_template: TEMPLATE }));
}

interface Talk {
  readonly out: string;
  readonly err: string;
  readonly code: number;
}

/** Chats in this process; `talk` writes lines and may look at what has come out so far. */
async function chat(
  options: Partial<RunChatOptions>,
  talk: (input: PassThrough, printed: { out: string }) => void,
): Promise<Talk> {
  const printed = { out: '', err: '', code: 0 };
  const input = new PassThrough();
  const context = {
    out: (text: string) => {
      printed.out += text;
    },
    err: (text: string) => {
      printed.err += text;
    },
    exitWith: (code: number) => {
      printed.code = code;
    },
  };
  const all = {
    model,
    dtype: 'stored' as const,
    cacheDtype: 'f32' as const,
    seed: 0,
    date: '1 Jan 2026',
    maxNewTokens: 8,
    temperature: 0,
    ...options,
  };
  await runChat(all, context, () => {
    const lines = terminalInput(context, input);
    talk(input, printed);
    return lines;
  });
  return printed;
}

describe('dawngrad chat', () => {
  it('refuses a model without a chat template before it reads anything', async () => {
    const result = await runMain('chat', '--model', model);
    expect(result.code).toBe(3);
    expect(result.err).toContain('expected a model with a chat template');
  });

  it('answers each line of a pipe with what generate says to the same conversation', async () => {
    withTemplate();
    const { out, err, code } = await chat({}, (input) => input.end('1 + 2\n\n3 + 4\n/exit\n5 + 6\n'));
    expect(code, err).toBe(0);
    const [first, second, ...rest] = out.split('\n');
    expect(rest).toEqual(['']);
    const rows = join(folder, 'rows.jsonl');
    const asked = [{ role: 'user', content: '1 + 2' }];
    const again = [...asked, { role: 'assistant', content: first }, { role: 'user', content: '3 + 4' }];
    writeFileSync(rows, [asked, again].map((messages) => `${JSON.stringify({ messages })}\n`).join(''));
    const settings = ['--temperature', '0', '--max-new-tokens', '8'];
    const samples = (await runMain('generate', '--model', model, '--input', rows, '--json', ...settings)).out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { text: string });
    expect([first, second]).toEqual(samples.map(({ text }) => text));
  });

  it('forgets on /reset, keeps the system message, and says nothing but answers to a pipe', async () => {
    const twice = await chat({ system: '7' }, (input) => input.end('1 + 2\n/reset\n1 + 2\n/what\n'));
    const [first, second, ...rest] = twice.out.split('\n');
    expect([second, rest]).toEqual([first, ['']]);
    const other = await chat({ system: Array(12).fill('</answer> 30').join(' ') }, (input) => input.end('1 + 2\n'));
    expect(other.out).not.toBe(`${first}\n`);
    expect(twice.err).not.toContain('/exit');
  });

  it('goes on after a message that the context has no room for', async () => {
    const long = Array(80).fill('1').join(' ');
    const { out, err, code } = await chat({}, (input) => input.end(`${long}\n1 + 2\n`));
    expect(code).toBe(0);
    expect(err).toContain("expected a prompt of fewer than the model's 64 tokens of context, got 8");
    const alone = await chat({}, (input) => input.end('1 + 2\n'));
    expect(out).toBe(alone.out);
  });

  it('ends with 130 on Ctrl-C between answers', async () => {
    const { out, code } = await chat({}, (input) => {
      setTimeout(() => process.emit('SIGINT'), 50);
      input.write('');
    });
    expect([out, code]).toEqual(['', 130]);
  });

  it('stops an answer on Ctrl-C and goes on with the chat', async () => {
    const whole = await chat({ maxNewTokens: 40 }, (input) => input.end('1 + 2\n'));
    const { out, code } = await chat({ maxNewTokens: 40 }, (input, printed) => {
      input.write('1 + 2\n');
      const watch = setInterval(() => {
        if (printed.out === '') return;
        clearInterval(watch);
        process.emit('SIGINT');
        input.end('/exit\n');
      }, 0);
    });
    expect(code).toBe(0);
    expect(out.length).toBeLessThan(whole.out.length);
    expect(whole.out.startsWith(out.trimEnd())).toBe(true);
  });
});
