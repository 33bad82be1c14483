import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/config/config-error.ts';
import { fieldsOf } from '../../src/config/fields.ts';
import { resolveConfig } from '../../src/config/resolve-config.ts';
import { parseYaml } from '../../src/config/yaml-text.ts';

const scalar = (text: string): unknown => (parseYaml(`a: ${text}`, 'f').value as { a: unknown }).a;

describe('parseYaml', () => {
  it.each<[string, unknown]>([
    ['1e-5', 1e-5],
    ['1E5', 1e5],
    ['-0.5', -0.5],
    ['+3', 3],
    ['.5', 0.5],
    ['010', 10],
    ['0x10', 16],
    ['0o10', 8],
    ['1_000', '1_000'],
    ['1,000', '1,000'],
    ['12:30:45', '12:30:45'],
    ['2026-11-22', '2026-11-22'],
    ['on', 'on'],
    ['off', 'off'],
    ['yes', 'yes'],
    ['no', 'no'],
    ['y', 'y'],
    ['NO', 'NO'],
    ['true', true],
    ['True', true],
    ['FALSE', false],
    ['null', null],
    ['~', null],
    ['', null],
    ['"1"', '1'],
    ["'true'", 'true'],
    ['1.0', 1],
    ['1e400', Number.POSITIVE_INFINITY],
    ['.inf', Number.POSITIVE_INFINITY],
    ['0b11', '0b11'],
    ['none', 'none'],
    ['9007199254740993', 9007199254740992],
  ])('reads %s as YAML 1.2 has it', (text, value) => {
    expect(scalar(text)).toEqual(value);
  });

  it('finds the line of a value, of an item in a section, and of the nearest section there is', () => {
    const { lineOf } = parseYaml('# head\nrun:\n  seed: 1\n\npolicy:\n  lora:\n    rank: 4\n', 'f');
    expect(lineOf(['run', 'seed'])).toBe(3);
    expect(lineOf(['policy', 'lora', 'rank'])).toBe(7);
    expect(lineOf(['policy', 'lora', 'alpha'])).toBe(6);
    expect(lineOf(['data', 'path'])).toBe(1);
  });

  it('refuses a bomb of aliases quickly', () => {
    const lines = Array.from({ length: 30 }, (_, i) => `a${i}: &a${i} [${i === 0 ? 'x' : `*a${i - 1},*a${i - 1}`}]`);
    const start = performance.now();
    expect(parseYaml(lines.join('\n'), 'f').faults[0]?.message).toContain('alias *a0 is not allowed');
    expect(performance.now() - start).toBeLessThan(1000);
  });

  it('refuses twenty thousand brackets quickly', () => {
    const start = performance.now();
    expect(parseYaml('['.repeat(20_000), 'f').faults.length).toBeGreaterThan(0);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe('a configuration of any text', () => {
  const keys = fieldsOf('irl').map(({ key }) => key);
  const value = fc.oneof(
    fc.constantFrom(
      'null',
      'true',
      '-1',
      '1e-5',
      '.nan',
      '[1, 2]',
      '{ a: 1 }',
      '&x 1',
      '*x',
      '!!set {}',
      '"\\u0000"',
      'sparse',
      'token',
    ),
    fc.string(),
  );

  it('is accepted or answered with a ConfigError', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' })), (text) => {
        expectAnswer(() => resolveConfig('irl', { file: { path: 'f', text } }));
      }),
      { numRuns: 500, seed: 1 },
    );
  });

  it('is accepted or answered with a ConfigError for any values of its keys', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...keys), value), { maxLength: 6 }), (pairs) => {
        expectAnswer(() => resolveConfig('irl', { overrides: pairs.map(([key, text]) => `${key}=${text}`) }));
      }),
      { numRuns: 500, seed: 2 },
    );
  });
});

function expectAnswer(resolve: () => unknown): void {
  try {
    resolve();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).faults.length).toBeGreaterThan(0);
  }
}
