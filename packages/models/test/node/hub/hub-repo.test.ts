import { describe, expect, it } from 'vitest';
import { parseHubRepo } from '../../../src/node/hub/hub-repo.ts';

describe('parseHubRepo', () => {
  it.each([
    ['Qwen/Qwen2.5-0.5B-Instruct', 'model', 'Qwen/Qwen2.5-0.5B-Instruct', 'main'],
    ['hf://a/b', 'model', 'a/b', 'main'],
    ['a/b@refs/pr/1', 'model', 'a/b', 'refs/pr/1'],
    ['a/b@v1.0+cu', 'model', 'a/b', 'v1.0+cu'],
    [
      'datasets/openai/gsm8k@e53f048856ff4f594e959d75785d2c2d37b678ee',
      'dataset',
      'openai/gsm8k',
      'e53f048856ff4f594e959d75785d2c2d37b678ee',
    ],
    // An owner may be called so; it is a model then.
    ['datasets/model', 'model', 'datasets/model', 'main'],
  ])('reads %s', (text, type, name, revision) => {
    expect(parseHubRepo(text)).toEqual({ type, name, revision });
  });

  it.each([
    ...[
      '',
      'a',
      '/a/b',
      './a/b',
      '../b',
      '~/b',
      'a/',
      '/b',
      'a//b',
      'a/b/c',
      'C:\\a/b',
      'a\\b/c',
      'a b/c',
      '.a/b',
      'a/-b',
      'a/b.',
    ],
    ...[
      'a/b..c',
      'a/b--c',
      'a/b.git',
      'a/b@',
      'a/b@../x',
      'a/b@x//y',
      'a/b@-x',
      'a/b@.x',
      'a/b@x y',
      `a/${'b'.repeat(99)}`,
      'a/b\n',
    ],
    `a/b@${'x'.repeat(201)}`,
  ])('does not take %j for a name of the hub', (text) => {
    expect(parseHubRepo(text)).toBeUndefined();
  });
});
