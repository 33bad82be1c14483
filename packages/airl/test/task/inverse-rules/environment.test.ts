import { describe, expect, it } from 'vitest';
import { toolMask, toolToken } from '../../../src/task/inverse-rules/environment.ts';
import { TOKEN } from '../../../src/task/inverse-rules/vocabulary.ts';
import { createWorld } from '../../../src/task/inverse-rules/world.ts';

const world = createWorld(1);
const rule = TOKEN.firstRule + 12;

describe('toolToken', () => {
  it('writes rule(digit) after "rule digit ="', () => {
    for (let digit = 0; digit < 10; digit++) {
      expect(toolToken(world, [TOKEN.colon, rule, digit, TOKEN.equals])).toBe(world.apply[120 + digit]);
    }
  });

  it('leaves every other place to the policy', () => {
    expect(toolToken(world, [rule, 5])).toBeUndefined();
    expect(toolToken(world, [rule, 5, TOKEN.semicolon])).toBeUndefined();
    expect(toolToken(world, [rule, rule, TOKEN.equals])).toBeUndefined();
    expect(toolToken(world, [3, 5, TOKEN.equals])).toBeUndefined();
    expect(toolToken(world, [5, TOKEN.equals])).toBeUndefined();
    expect(toolToken(world, [])).toBeUndefined();
  });

  it('looks at the first `length` tokens only', () => {
    expect(toolToken(world, [rule, 5, TOKEN.equals, 9, 9], 3)).toBe(world.apply[125]);
    expect(toolToken(world, [rule, 5, TOKEN.equals, 9, 9], 4)).toBeUndefined();
  });
});

describe('toolMask', () => {
  it('marks the result of each check, also where something else stands there', () => {
    expect([...toolMask(world, [0, TOKEN.colon, rule, 5, TOKEN.equals, TOKEN.semicolon, rule, 1])]).toEqual([
      ...[0, 0, 0, 0, 0, 1, 0, 0],
    ]);
  });
});
