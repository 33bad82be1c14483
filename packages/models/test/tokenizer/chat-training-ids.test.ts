import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { memoryFiles } from '../../src/io/memory-files.ts';
import type { ChatMessage } from '../../src/tokenizer/chat-template.ts';
import { type ChatTrainingOptions, chatTrainingIds } from '../../src/tokenizer/chat-training-ids.ts';
import { renderChat, turnEndId } from '../../src/tokenizer/render-chat.ts';
import { loadTokenizer, type Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { sharedData } from '../shared-data.ts';

const DATE = '26 Jul 2024';

/** A tokenizer whose tokens are characters, with three control tokens. */
async function characters(chatTemplate: string, config: object = {}): Promise<Tokenizer> {
  const vocab = Object.fromEntries([...' abcdefghijklmnopqrstuvwxyz0123456789.,\n'].map((char, id) => [char, id + 3]));
  const added = ['<u>', '<a>', '<end>'].map((content, id) => ({ id, content, special: true, normalized: false }));
  const json = {
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: 'Fuse' },
    model: { type: 'BPE', vocab, merges: [] },
  };
  const bytes = (value: object): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
  return loadTokenizer(
    memoryFiles(
      'dir',
      new Map([
        ['tokenizer.json', bytes(json)],
        ['tokenizer_config.json', bytes({ eos_token: '<end>', chat_template: chatTemplate, ...config })],
      ]),
    ),
  );
}

const HEADERS = "{{ '<a>' if m.role == 'assistant' else '<u>' }}";
const PLAIN = `{% for m in messages %}${HEADERS}{{ m.content }}<end>{{ '\n' }}{% endfor %}{{ '<a>' if add_generation_prompt }}`;
const MARKED = `{% for m in messages %}${HEADERS}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}<end>{% endgeneration %}{% else %}{{ m.content }}<end>{% endif %}{{ '\n' }}{% endfor %}{{ '<a>' if add_generation_prompt }}`;

const TURNS: readonly ChatMessage[] = [
  { role: 'user', content: 'one' },
  { role: 'assistant', content: 'two' },
  { role: 'user', content: 'three' },
  { role: 'assistant', content: 'four' },
  { role: 'user', content: 'never mind' },
];

function trainedTexts(
  tokenizer: Tokenizer,
  options: Omit<ChatTrainingOptions, 'dateString'>,
): [string, string[], string] {
  const { ids, trained, by } = chatTrainingIds(tokenizer, { ...options, dateString: DATE });
  expect(trained).toHaveLength(ids.length);
  const runs: number[][] = [];
  ids.forEach((id, i) => {
    if (!trained[i]) return;
    if (!trained[i - 1]) runs.push([]);
    runs.at(-1)!.push(id);
  });
  return [tokenizer.decode(ids), runs.map((run) => tokenizer.decode(run)), by];
}

describe('chatTrainingIds', () => {
  it.each([
    ['by rendering up to each turn', PLAIN, 'prefix'],
    ['by generation blocks', MARKED, 'generation'],
  ])("trains the assistant's turns and their ends, %s", async (_, template, by) => {
    const tokenizer = await characters(template);
    const text = '<u>one<end>\n<a>two<end>\n<u>three<end>\n<a>four<end>\n';
    expect(trainedTexts(tokenizer, { messages: TURNS, turns: 'all' })).toEqual([text, ['two<end>', 'four<end>'], by]);
    expect(trainedTexts(tokenizer, { messages: TURNS, turns: 'last' })).toEqual([text, ['four<end>'], by]);
  });

  it('trains an end token that is also the token for padding, and that stands in a text', async () => {
    const tokenizer = await characters(PLAIN, { pad_token: '<end>' });
    const messages = [TURNS[0]!, { role: 'assistant', content: 'a<end>b' }];
    expect(trainedTexts(tokenizer, { messages, turns: 'all' })[1]).toEqual(['a<end>b<end>']);
  });

  const rewriting = `{% for m in messages %}${HEADERS}{% if m.role == 'assistant' and not loop.last %}0{% else %}{{ m.content }}{% endif %}<end>{% endfor %}{{ '<a>' if add_generation_prompt }}`;

  it('refuses to train turns that the template rewrites, and trains the last', async () => {
    const tokenizer = await characters(rewriting);
    expect(() => trainedTexts(tokenizer, { messages: TURNS, turns: 'all' })).toThrow('writes turn 2 otherwise');
    expect(trainedTexts(tokenizer, { messages: TURNS, turns: 'last' })).toEqual([
      '<u>one<end><a>0<end><u>three<end><a>four<end>',
      ['four<end>'],
      'prefix',
    ]);
  });

  it("takes the turn's own text where the template does not write it behind its prompt", async () => {
    const tokenizer = await characters(PLAIN.replace("'<a>' if add", "'<a>think' if add"));
    expect(trainedTexts(tokenizer, { messages: TURNS.slice(0, 2), turns: 'all' })).toEqual([
      '<u>one<end>\n<a>thinktwo<end>',
      ['two<end>'],
      'content',
    ]);
  });

  it('refuses conversations without anything to train', async () => {
    const tokenizer = await characters(PLAIN);
    expect(() => trainedTexts(tokenizer, { messages: TURNS.slice(0, 1), turns: 'all' })).toThrow("the assistant's");
    expect(() => trainedTexts(tokenizer, { messages: TURNS.slice(1, 2), turns: 'all' })).toThrow(
      'turn before the first',
    );
  });
});

describe('turnEndId', () => {
  it('is what the template ends a turn by, whatever the end token', async () => {
    const tokenizer = await characters(PLAIN, { eos_token: '<u>' });
    expect(turnEndId(tokenizer, DATE)).toBe(tokenizer.idOf('<end>'));
    expect(turnEndId(await characters('{% for m in messages %}{{ m.content }}. {% endfor %}'), DATE)).toBeUndefined();
    expect(turnEndId(await characters("{{ raise_exception('no') }}"), DATE)).toBeUndefined();
  });
});

describe('renderChat', () => {
  it('takes the template for tools where there is one', async () => {
    const templates = [
      { name: 'default', template: 'plain' },
      { name: 'tool_use', template: 'tools {{ tools | length }} {{ eos_token }}' },
    ];
    const tokenizer = await characters('', { chat_template: templates });
    const options = { messages: TURNS, addGenerationPrompt: true, dateString: DATE };
    expect(renderChat(tokenizer, options)).toBe('plain');
    expect(renderChat(tokenizer, { ...options, tools: [{}] })).toBe('tools 1 <end>');
    const named = await characters('', { chat_template: [{ name: 'rag', template: 'x' }] });
    expect(() => renderChat(named, options)).toThrow('templates named rag, no default');
    expect(() => renderChat({ ...named, chatTemplates: new Map() }, options)).toThrow('one without');
  });
});

describe.each([
  ['qwen2_5', '<|im_end|>', '<|im_start|>assistant\n'],
  ['qwen3', '<|im_end|>', '<|im_start|>assistant\n'],
  ['llama3_1', '<|eot_id|>', '<|start_header_id|>assistant<|end_header_id|>\n\n'],
])('the real tokenizer of %s', (name, end, header) => {
  const folder = sharedData(`tokenizers/${name}`);
  const template = sharedData('chat-templates/meta-llama-Llama-3.1-8B-Instruct.jinja');

  it.skipIf(!folder.isPresent || !template.isPresent)('trains what the assistant wrote; one begin token', async () => {
    const entries = new Map<string, Uint8Array>();
    for (const file of ['tokenizer.json', 'tokenizer_config.json'])
      entries.set(file, readFileSync(`${folder.path}/${file}`));
    if (name === 'llama3_1') entries.set('chat_template.jinja', readFileSync(template.path));
    const tokenizer = await loadTokenizer(memoryFiles(name, entries));
    expect(turnEndId(tokenizer, DATE)).toBe(tokenizer.idOf(end));

    const messages = TURNS.slice(0, 4);
    const thinks = name === 'qwen3' ? '<think>\n\n</think>\n\n' : '';
    const { ids, trained, by } = chatTrainingIds(tokenizer, { messages, turns: 'last', dateString: DATE });
    expect(by).toBe('prefix');
    const at = trained.indexOf(true);
    expect(tokenizer.decode(ids.slice(0, at)).endsWith(header)).toBe(true);
    const stop = trained.lastIndexOf(true) + 1;
    expect(trained.slice(at, stop).every(Boolean)).toBe(true);
    expect(tokenizer.decode(ids.slice(at, stop))).toBe(`${thinks}four${end}`);
    expect(ids.filter((id) => id === tokenizer.bosId)).toHaveLength(tokenizer.bosId === undefined ? 0 : 1);

    const all = (): string[] => trainedTexts(tokenizer, { messages, turns: 'all' })[1];
    // Qwen3's template writes the reasoning of the last turn alone.
    if (name === 'qwen3') expect(all).toThrow('writes turn 2 otherwise');
    else expect(all()).toEqual([`two${end}`, `four${end}`]);
  });
});
