import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ToolError } from '@dawngrad/tensor';
import { describe, expect, it } from 'vitest';
import {
  type ChatMessage,
  type ChatTemplateOptions,
  renderChatTemplate,
  renderMarkedChat,
} from '../../src/tokenizer/chat-template.ts';
import { sharedData } from '../shared-data.ts';

const OPTIONS = {
  messages: [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'What is 2+2?' },
  ],
  addGenerationPrompt: true,
  dateString: '26 Jul 2024',
  bosToken: '<|begin_of_text|>',
} satisfies ChatTemplateOptions;

describe('renderChatTemplate', () => {
  it('gives the template the messages, the tokens and the date, and nothing of this process', () => {
    const template =
      '{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}{{ date_string }}{{ process }}{{ globalThis }}';
    expect(renderChatTemplate(template, OPTIONS)).toBe(
      '<|begin_of_text|>[system]Be brief.[user]What is 2+2?26 Jul 2024',
    );
    expect(() => renderChatTemplate('{{ messages.constructor.constructor }}', OPTIONS)).toThrow('undefined');
    expect(renderChatTemplate('{{ range }}{{ messages.__proto__ }}{{ "".constructor }}', OPTIONS)).toBe(
      '<FunctionValue>',
    );
  });

  it('gives the day passed in for now, in English', () => {
    const template = "{{ strftime_now('%d %b %Y, %A %B %-d') }}";
    expect(renderChatTemplate(template, OPTIONS)).toBe('26 Jul 2024, Friday July %-d');
    expect(renderChatTemplate(template, { ...OPTIONS, dateString: '2025-01-02' })).toContain('02 Jan 2025, Thursday');
    expect(() => renderChatTemplate(template, { ...OPTIONS, dateString: 'soon' })).toThrow('got "soon"');
  });

  it('passes further fields and variables on', () => {
    const messages = [{ role: 'assistant', content: null, tool_calls: [{ name: 'f' }] }];
    const template =
      '{{ messages[0].tool_calls[0].name }}{{ enable_thinking }}{{ tools is none }}{{ messages[0].content }}';
    const variables = { enable_thinking: false };
    expect(renderChatTemplate(template, { ...OPTIONS, messages, variables })).toBe('fFalseTrueNone');
  });

  it('says why a template refuses a conversation', () => {
    const render = (): string => renderChatTemplate("{{ raise_exception('roles must alternate') }}", OPTIONS);
    expect(render).toThrow('a conversation that the template accepts, got roles must alternate');
    expect(render).toThrow(expect.objectContaining({ code: 'config' }));
  });

  it('continues the last message where the template writes it', () => {
    const template = '{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}</s>{% endfor %}';
    const keeping = '{% for m in messages %}<{{ m.role }}>{{ m.content }}</s>{% endfor %}';
    const turn = (content: string): ChatTemplateOptions => ({
      ...OPTIONS,
      addGenerationPrompt: false,
      continueFinalMessage: true,
      messages: [
        { role: 'user', content: 'So' },
        { role: 'assistant', content },
      ],
    });
    expect(renderChatTemplate(template, turn('So I think '))).toBe('<user>So</s><assistant>So I think');
    expect(renderChatTemplate(keeping, turn('So I think '))).toBe('<user>So</s><assistant>So I think ');
    expect(() => renderChatTemplate('{{ messages[1].content | upper }}', turn('abc'))).toThrow('cannot be continued');
    expect(() => renderChatTemplate(template, { ...turn('a'), addGenerationPrompt: true })).toThrow('a new turn or');
    expect(() => renderChatTemplate(template, { ...OPTIONS, messages: [] })).toThrow('at least one message');
  });

  it.each<[string, string, string]>([
    ['over 64 KiB', 'x'.repeat((64 << 10) + 1), 'at most 65536 characters'],
    ['that does not parse', '{% for %}', 'a template that renders'],
    ['that reads a field of nothing', '{{ nothing.at }}', '"nothing" is undefined'],
    ['with a long run of spaces', `${' '.repeat(600)}{% generation %}`, 'white-space characters in a row'],
  ])('refuses a template %s', (_, template, part) => {
    expect(() => renderChatTemplate(template, OPTIONS)).toThrow(part);
    expect(() => renderChatTemplate(template, OPTIONS)).toThrow(ToolError);
  });
});

/** A text of half a million characters in `ns.x`, and a list of as many items in `ns.l`. */
const LARGE = `{% set ns = namespace(x='xxxxxxxx', l=[1]) %}{% for i in range(16) %}{% set ns.x = ns.x + ns.x %}{% endfor %}`;

describe('templates that would take the process with them', () => {
  it.each<[string, string, string]>([
    ['count to 10**9', '{% for i in range(10**9) %}{% endfor %}', 'counts to 1000000000'],
    ['nest loops', '{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}', 'more work'],
    ['loop over nothing', '{% for i in range(100000) %}{% endfor %}'.repeat(1000), 'more work'],
    ['double a text', `{% set x = 'x' %}${'{% set x = x + x %}'.repeat(40)}{{ x }}`, 'a value of 2097152'],
    ['write in a loop', `${LARGE}{% for i in range(9) %}{{ ns.x }}{% endfor %}`, 'characters or items'],
    ['double a list', `{% set x = [1] %}${'{% set x = x + x %}'.repeat(40)}`, 'more work'],
    [
      'nest a list in itself twice',
      `{% set x = [1] %}${'{% set x = [x, x] %}'.repeat(80)}{{ x }}`,
      'characters or items',
    ],
    ['replace by a long text', `${LARGE}{{ ns.x.replace('x', ns.x) }}`, 'a value of 274878431232'],
    ['replace in a filter', `${LARGE}{{ ns.x | replace('x', ns.x) }}`, 'a value of 274878431232'],
    ['join by a long text', `${LARGE}{{ range(99999) | join(ns.x) }}`, 'characters or items'],
    [
      'split again and again',
      `${LARGE}{% for i in range(999) %}{% set y = ns.x.split('x') %}{% endfor %}`,
      'more work',
    ],
    ['strip again and again', `${LARGE}{% for i in range(99999) %}{% set y = ns.x | trim %}{% endfor %}`, 'more work'],
    ['slice again and again', `${LARGE}{% for i in range(99999) %}{% set y = ns.x[0:1] %}{% endfor %}`, 'more work'],
    ['search for what is not there', `${LARGE}{{ ('b' + ns.x[:200000]) in ns.x }}`, 'more work'],
    ['search lists', '{% set l = range(99999) %}{% for i in l %}{% if -1 in l %}{% endif %}{% endfor %}', 'more work'],
    [
      'compare lists',
      '{% set l = range(9999) %}{% for i in l %}{% if l == range(9999) %}{% endif %}{% endfor %}',
      'more work',
    ],
    ['sort lists', '{% for i in range(999) %}{% set y = range(99999) | sort %}{% endfor %}', 'more work'],
    [
      'search lists of lists',
      '{% set l = range(40000) | list %}{% set k = [l + [1], l + [2], l + [3]] %}{% for i in range(99999) %}{% if l in k %}{% endif %}{% endfor %}',
      'more work',
    ],
    [
      'take texts apart',
      `${LARGE}{% for i in range(9999) %}{% for c in ns.x %}{% break %}{% endfor %}{% endfor %}`,
      'more work',
    ],
    [
      'sort long texts',
      `${LARGE}{% set l = [ns.x[:99999] + 'b', ns.x[:99999] + 'a'] %}{% for i in range(9999) %}{% set y = l | sort %}{% endfor %}`,
      'more work',
    ],
    ['call themselves', '{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}', 'nests over 300 deep'],
    [
      'call themselves twice',
      '{% macro m(n) %}{% if n %}{{ m(n-1) }}{{ m(n-1) }}{% endif %}{% endmacro %}{{ m(60) }}',
      'more work',
    ],
    ['indent by 10**8', "{{ 'a\nb' | indent(10**8) }}", 'an indent that is not'],
    ['indent JSON by 10**8', '{{ [[1]] | tojson(indent=10**8) }}', 'an indent that is not'],
    ['keep a method for later', "{% set f = 'aaaa'.replace %}{{ f('a', 'b') }}", 'passes a method around'],
    ['hide a namespace in a list', '{% set a = namespace() %}{% set a.x = [a, a] %}{{ a.x }}', 'namespace into a list'],
    ['write a namespace that holds itself', '{% set a = namespace() %}{% set a.x = a %}{{ a | tojson }}', 'no JSON'],
    ['nest parentheses', `{{ ${'('.repeat(30000)}1${')'.repeat(30000)} }}`, 'a template that renders'],
    ['nest branches', `{% if a %}${'{% elif a %}'.repeat(4000)}{% endif %}`, 'nests over 300 deep'],
  ])('end in one error: %s', (_, template, part) => {
    const before = process.memoryUsage().rss;
    expect(() => renderChatTemplate(template, OPTIONS)).toThrow(part);
    expect(process.memoryUsage().rss - before).toBeLessThan(500e6);
  });

  it('leaves room for long conversations', () => {
    const messages = Array.from({ length: 400 }, (_, i) => ({
      role: i % 2 ? 'assistant' : 'user',
      content: 'word '.repeat(400),
    }));
    const template =
      '{% for m in messages[::-1] %}{% set before = messages[:loop.index] %}{% endfor %}' +
      "{% for m in messages %}{{ m.role ~ ': ' ~ m.content.split('</think>')[-1].strip() ~ '\n' }}{% endfor %}";
    const lines = messages.map(({ role, content }) => `${role}: ${content.trim()}\n`);
    expect(renderChatTemplate(template, { ...OPTIONS, messages })).toBe(lines.join(''));
  });
});

// Each text is what Jinja2 3.1 gives with the settings of transformers.
describe("Python's meaning where the library's differs", () => {
  it.each<[string, string]>([
    ["{% for x in [1,2] %}{% if loop.first %}{% set y='a' %}{% endif %}[{{ y }}]{% endfor %}", '[a][]'],
    ['{% for x in [1,2,3] %}{{ x }}{% if x==2 %}k{% continue %}{% endif %}!{% endfor %}', '1!2k3!'],
    ['{% for x in [1,2,3] %}{{ x }}{% if x==2 %}k{% break %}{% endif %}!{% endfor %}', '1!2k'],
    ["{{ '\n x \n'.strip('\n') }}|{{ 'xxayx'.lstrip('xy') }}|{{ 'xaxy'.rstrip('yx') }}", ' x |ayx|xa'],
    ["{{ '' == false }} {{ [] == [] }} {{ {'a':[1]} == {'a':[1]} }} {{ none == x }}", 'False True True False'],
    ["{{ 1 in ['1'] }} {{ [1] in [[1]] }}", 'False True'],
    [
      "{{ true }} {{ none }} {{ 1.0 }} {{ [1,'a',none] }} {{ {'a': \"b'c\"} }}",
      "True None 1.0 [1, 'a', None] {'a': \"b'c\"}",
    ],
    ["{{ ['a','b','c'] | reject('equalto','b') | join(', ') }} {{ [1,0,2] | select | list }}", 'a, c [1, 2]'],
    ["{% for c in 'abc' %}{{ c }}-{% endfor %}{% for x in nothing %}a{% else %}none{% endfor %}", 'a-b-c-none'],
    ["{{ 'a' ~ 1 ~ true }}{{ 'a' < 'b' }}{{ [] | first }}", 'a1TrueTrue'],
    ['{% macro c() %}[{{ caller() }}]{% endmacro %}{% call c() %}in{{ true }}{% endcall %}', '[inTrue]'],
    ['{% filter upper %}abc{% endfilter %}{% set x %}block {{ true }}{% endset %}{{ x }}', 'ABCblock True'],
  ])('%s', (template, text) => {
    expect(renderChatTemplate(template, OPTIONS)).toBe(text);
  });

  it('does not add text and other things', () => {
    expect(() => renderChatTemplate("{{ 'a' + {'b': 1} }}", OPTIONS)).toThrow('added');
  });
});

describe('renderMarkedChat', () => {
  const template = `{% for m in messages %}
{% if m.role == 'assistant' %}
{{ '<a>' }}{% generation %}{{ m.content }}</s>{% endgeneration %}

{% else %}
<u>{{ m.content }}</s>
  {%- generation -%}  x  {%- endgeneration -%}
{% endif %}
{% endfor %}`;
  const options = {
    ...OPTIONS,
    addGenerationPrompt: false,
    messages: [
      { role: 'user', content: 'q' },
      { role: 'assistant', content: 'r' },
    ],
  };

  it('says what the generation blocks wrote, and writes nothing else', () => {
    const { text, spans } = renderMarkedChat(template, options);
    expect(text).toBe(renderChatTemplate(template, options));
    expect(spans.map(([start, end]) => text.slice(start, end))).toEqual(['x', 'r</s>']);
  });

  it('has no spans without such blocks', () => {
    expect(renderMarkedChat('{{ messages[0].content }}', options)).toEqual({ text: 'q', spans: [] });
  });
});

interface Golden {
  readonly conversations: Readonly<Record<string, readonly ChatMessage[]>>;
  readonly variants: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** By template, conversation and variant: the first half of the SHA-256 of Jinja2's text; null where it fails. */
  readonly renderings: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, string | null>>>>>>;
}

const golden = JSON.parse(readFileSync(new URL('./chat-template-golden.json', import.meta.url), 'utf8')) as Golden;

function readTemplate(path: string): string {
  const text = readFileSync(path, 'utf8');
  return path.endsWith('.json') ? (JSON.parse(text) as { chat_template: string }).chat_template : text;
}

describe.each([
  ['llama3.1', 'chat-templates/meta-llama-Llama-3.1-8B-Instruct.jinja'],
  ['llama3.2', 'chat-templates/meta-llama-Llama-3.2-3B-Instruct.jinja'],
  ['qwen2.5', 'chat-templates/Qwen-Qwen2.5-7B-Instruct.jinja'],
  ['qwen3', 'tokenizers/qwen3/tokenizer_config.json'],
  ['r1', 'chat-templates/deepseek-ai-DeepSeek-R1-Distill-Qwen-32B.jinja'],
])('the chat template of %s', (name, path) => {
  const file = sharedData(path);

  it.skipIf(!file.isPresent)('renders every conversation to what Jinja2 gives', () => {
    const template = readTemplate(file.path);
    let compared = 0;
    for (const [conversation, variants] of Object.entries(golden.renderings[name]!)) {
      for (const [variant, sha256] of Object.entries(variants)) {
        const { add_generation_prompt, tools, date_string, ...variables } = golden.variants[variant]!;
        const render = (): string =>
          renderChatTemplate(template, {
            messages: golden.conversations[conversation]!,
            addGenerationPrompt: add_generation_prompt === true,
            dateString: (date_string as string | undefined) ?? '26 Jul 2024',
            bosToken: '<B>',
            eosToken: '<E>',
            ...(tools === undefined ? {} : { tools: tools as unknown[] }),
            variables,
          });
        const what = `${conversation}, ${variant}`;
        if (sha256 === null) expect(render, what).toThrow(ToolError);
        else expect(createHash('sha256').update(render()).digest('hex').slice(0, 16), what).toBe(sha256);
        compared++;
      }
    }
    expect(compared).toBe(40);
  });
});

describe('what templates do by themselves', () => {
  const qwen = sharedData('chat-templates/Qwen-Qwen2.5-7B-Instruct.jinja');
  it.skipIf(!qwen.isPresent)('Qwen2.5 writes a system message where none is given', () => {
    const template = readTemplate(qwen.path);
    const messages = [{ role: 'user', content: 'hi' }];
    const text = renderChatTemplate(template, { ...OPTIONS, messages });
    expect(text).toMatch(
      /^<\|im_start\|>system\n.+<\|im_end\|>\n<\|im_start\|>user\nhi<\|im_end\|>\n<\|im_start\|>assistant\n$/,
    );
    expect(renderChatTemplate(template, OPTIONS)).toBe(
      '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhat is 2+2?<|im_end|>\n<|im_start|>assistant\n',
    );
  });

  const llama = sharedData('chat-templates/meta-llama-Llama-3.1-8B-Instruct.jinja');
  it.skipIf(!llama.isPresent)('Llama 3.1 writes the date passed in', () => {
    expect(renderChatTemplate(readTemplate(llama.path), OPTIONS)).toContain('Today Date: 26 Jul 2024\n\nBe brief.');
  });
});
