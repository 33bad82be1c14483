import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dependenciesAmiss } from '../../setup/dependencies.mjs';

describe('dependenciesAmiss', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'dawngrad-deps-'));
    mkdirSync(join(root, 'node_modules/b'), { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const wanted = {
    '': { name: 'root' },
    'packages/a': { name: 'a' },
    'node_modules/a': { resolved: 'packages/a', link: true },
    'node_modules/b': { version: '1.0.0', integrity: 'sha512-b' },
    'node_modules/b-darwin': { version: '1.0.0', optional: true, os: ['darwin'] },
  };
  const write = (name: string, packages: object) => writeFileSync(join(root, name), JSON.stringify({ packages }));
  const amissWith = (installed: object | undefined) => {
    write('package-lock.json', wanted);
    if (installed !== undefined) write('node_modules/.package-lock.json', installed);
    return dependenciesAmiss(root);
  };

  it('finds nothing amiss where all is installed but what is for other systems', () => {
    expect(amissWith({ 'node_modules/b': wanted['node_modules/b'] })).toBeUndefined();
  });

  it('sees that nothing is installed, or that an installation was cut off', () => {
    expect(amissWith(undefined)).toBe('not installed yet');
  });

  it('sees a missing package and another version', () => {
    expect(amissWith({})).toBe('node_modules/b is missing');
    rmSync(join(root, 'node_modules/b'), { recursive: true });
    expect(amissWith({ 'node_modules/b': wanted['node_modules/b'] })).toBe('node_modules/b is missing');
    mkdirSync(join(root, 'node_modules/b'));
    expect(amissWith({ 'node_modules/b': { version: '1.0.1', integrity: 'sha512-c' } })).toBe(
      'node_modules/b is not 1.0.0',
    );
  });
});
