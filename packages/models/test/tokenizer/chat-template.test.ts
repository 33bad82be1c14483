import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { renderChatTemplate } from '../../src/tokenizer/chat-template.ts';
import { sharedData } from '../shared-data.ts';

const OPTIONS = {
  messages: [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'What is 2+2?' },
  ],
  addGenerationPrompt: true,
  dateString: '26 Jul 2024',
  bosToken: '<|begin_of_text|>',
};

describe('renderChatTemplate', () => {
  it('gives the template the messages, the tokens and the date, and nothing of this process', () => {
    const template =
      '{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}{{ date_string }}{{ process }}{{ globalThis }}';
    expect(renderChatTemplate(template, OPTIONS)).toBe(
      '<|begin_of_text|>[system]Be brief.[user]What is 2+2?26 Jul 2024',
    );
    expect(renderChatTemplate('{{ messages.constructor.constructor }}', OPTIONS)).not.toContain('function');
  });

  it.each([
    ['over 64 KiB', 'x'.repeat((64 << 10) + 1), 'at most 65536 characters'],
    ['that does not parse', '{% for %}', 'a template that renders'],
    ['that raises', "{{ raise_exception('no system role') }}", 'no system role'],
    [
      'that doubles a text 21 times',
      `{% set x = 'x' %}${'{% set x = x + x %}'.repeat(21)}{{ x }}`,
      'characters of output',
    ],
  ])('refuses a template %s', (_, template, part) => {
    expect(() => renderChatTemplate(template, OPTIONS)).toThrow(part);
  });

  const llama = sharedData('chat-templates/meta-llama-Llama-3.1-8B-Instruct.jinja');
  it.skipIf(!llama.isPresent)("renders Llama 3.1's template with the date passed in", () => {
    expect(renderChatTemplate(readFileSync(llama.path, 'utf8'), OPTIONS)).toBe(
      '<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n' +
        'Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\nBe brief.<|eot_id|>' +
        '<|start_header_id|>user<|end_header_id|>\n\nWhat is 2+2?<|eot_id|>' +
        '<|start_header_id|>assistant<|end_header_id|>\n\n',
    );
  });

  const qwen = sharedData('chat-templates/Qwen-Qwen2.5-7B-Instruct.jinja');
  it.skipIf(!qwen.isPresent)("renders Qwen2.5's template, whose default system message a given one replaces", () => {
    expect(renderChatTemplate(readFileSync(qwen.path, 'utf8'), OPTIONS)).toBe(
      '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhat is 2+2?<|im_end|>\n<|im_start|>assistant\n',
    );
  });
});
