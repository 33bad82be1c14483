import { ToolError } from '@dawngrad/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileNamePattern } from '../../src/peft/name-pattern.ts';

const matches = (pattern: string, name: string): boolean =>
  compileNamePattern('adapter_config.json', pattern).matches(name);

function refusal(pattern: string, name = 'a'): string {
  try {
    matches(pattern, name);
  } catch (error) {
    expect(error).toBeInstanceOf(ToolError);
    expect((error as ToolError).code).toBe('config');
    return (error as ToolError).message;
  }
  return 'accepted';
}

const Q = 'model.layers.11.self_attn.q_proj';

describe('compileNamePattern', () => {
  it.each([
    ['.*', Q, true],
    ['.*q_proj', Q, true],
    ['q_proj', Q, false],
    ['.*self_attn', Q, false],
    ['model\\.layers\\.\\d+\\.self_attn\\.(q|k|v)_proj', Q, true],
    ['model\\.layers\\.\\d\\.self_attn\\.(q|k|v)_proj', Q, false],
    ['model\\.layers\\.(?:1[0-3]|\\d)\\..*_proj', Q, true],
    ['^(?!.*visual).*(?:q_proj|v_proj).*$', Q, true],
    ['^(?!.*visual).*(?:q_proj|v_proj).*$', `visual.${Q}`, false],
    ['(?=model).*\\.(?P<part>[a-z]_proj)', Q, true],
    ['.*?layers.*?q_proj', Q, true],
    ['model(\\.\\w+){4}', Q, true],
    ['model(\\.\\w+){2,3}', Q, false],
    ['model(\\.\\w+){2,}', Q, true],
    ['[^.]+\\.[^\\d]+\\.[0-9-]+\\..*', Q, true],
    ['\\Amodel.*\\Z', Q, true],
    ['[]a-]+', 'a-]', true],
    ['a{,2}', 'aa', true],
    ['a{x}', 'a{x}', true],
    ['', '', true],
    ['(a|)b|c', 'b', true],
    ['(a?){3}', 'aaaa', false],
    ['\\.\\-\\_', '.-_', true],
  ])('%j against %j is %j, as in Python', (pattern, name, expected) => {
    expect(matches(pattern, name)).toBe(expected);
  });

  it.each([
    ['(a)\\1', 'no escape \\1'],
    ['\\bq', 'no escape \\b'],
    ['(?<=a)b', 'a plain, named'],
    ['(?i)Q_PROJ', 'a plain, named'],
    ['a++', 'one quantifier'],
    ['a**', 'one quantifier'],
    ['*a', 'something to repeat'],
    ['(a', 'a ) for each ('],
    ['a)', 'no ) without ('],
    ['[a', 'a ] for each ['],
    ['[z-a]', 'from low to high'],
    ['a{3,2}', 'from low to high'],
    ['a{5000}', 'at most 1000'],
    ['('.repeat(100), 'deep'],
    ['a'.repeat(5000), 'at most 4096 characters'],
    ['a\\', 'no escape \\'],
  ])('refuses %j by name', (pattern, part) => {
    expect(refusal(pattern)).toContain(part);
  });

  it('ends where a backtracking engine would not', () => {
    const name = `${'a'.repeat(120)}!`;
    for (const hostile of ['(a+)+b', '(a|a)*b', '(a*)*b', '(.*)*(.*)*(.*)*x', '(a?){100}a{100}b', '((a+)+)+b'])
      expect(refusal(hostile, name)).toMatch(/accepted|at most 20000000 steps/);
    expect(matches('(a+)+b', name)).toBe(false);
  });

  it('agrees with the engine of JavaScript on random patterns and names', () => {
    const atom = fc.constantFrom(
      'a',
      'b',
      '.',
      '[ab]',
      '[^a]',
      '\\.',
      '(?:a|b)',
      '(?!b)',
      '(?=a)',
      '^',
      '$',
      '(?:(?:ab)?)',
    );
    const piece = fc.tuple(atom, fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,2}', '*?'));
    const sound = ([text, quantifier]: readonly [string, string]): string =>
      /^[(]\?[=!]|^[\^$]/.test(text) ? text : text + quantifier;
    const pattern = fc
      .array(fc.array(piece, { maxLength: 5 }), { minLength: 1, maxLength: 3 })
      .map((options) => options.map((parts) => parts.map(sound).join('')).join('|'));
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 8 });
    fc.assert(
      fc.property(pattern, fc.array(name, { minLength: 5, maxLength: 5 }), (text, names) => {
        for (const item of names) expect(matches(text, item)).toBe(new RegExp(`^(?:${text})$`, 's').test(item));
      }),
      { numRuns: 2000 },
    );
  });
});
