import { describe, expect, it } from 'vitest';
import { toolMask, toolToken } from '../../../src/task/inverse-rules/environment.ts';
import { TOKEN } from '../../../src/task/inverse-rules/vocabulary.ts';
import { createWorld } from '../../../src/task/inverse-rules/world.ts';

const world = createWorld(1);
const rule = TOKEN.firstRule + 12;
const digit = (value: number): number => TOKEN.firstDigit + value;
const written = (value: number): number => digit(world.apply[120 + value] as number);

describe('toolToken', () => {
  it('writes rule(digit) after "rule digit ="', () => {
    for (let value = 0; value < 10; value++) {
      expect(toolToken(world, [TOKEN.colon, rule, digit(value), TOKEN.equals])).toBe(written(value));
    }
  });

  it('leaves every other place to the policy', () => {
    const five = digit(5);
    expect(toolToken(world, [rule, five])).toBeUndefined();
    expect(toolToken(world, [rule, five, TOKEN.semicolon])).toBeUndefined();
    expect(toolToken(world, [rule, rule, TOKEN.equals])).toBeUndefined();
    expect(toolToken(world, [digit(3), five, TOKEN.equals])).toBeUndefined();
    expect(toolToken(world, [five, TOKEN.equals])).toBeUndefined();
    expect(toolToken(world, [])).toBeUndefined();
  });

  it('looks at the first `length` tokens only', () => {
    const tokens = [rule, digit(5), TOKEN.equals, digit(9), digit(9)];
    expect(toolToken(world, tokens, 3)).toBe(written(5));
    expect(toolToken(world, tokens, 4)).toBeUndefined();
  });
});

describe('toolMask', () => {
  it('marks the result of each check, also where something else stands there', () => {
    const ids = [digit(0), TOKEN.colon, rule, digit(5), TOKEN.equals, TOKEN.semicolon, rule, digit(1)];
    expect([...toolMask(world, ids)]).toEqual([0, 0, 0, 0, 0, 1, 0, 0]);
  });
});
