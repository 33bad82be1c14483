import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { plainNode } from '../../setup/driver-environment.mjs';
import { choiceKey, rememberUntil } from '../../setup/select-driver.mjs';

const folder = mkdtempSync(join(tmpdir(), 'dawngrad-key-'));
afterAll(() => rmSync(folder, { recursive: true }));

const node = plainNode(process.env);

describe('choiceKey', () => {
  it('is the same for the same machine and environment', () => {
    expect(choiceKey(node, { HOME: '/a', VK_DRIVER_FILES: '' })).toBe(
      choiceKey(node, { VK_DRIVER_FILES: '', HOME: '/b' }),
    );
  });

  it.each([
    'VK_DRIVER_FILES',
    'VK_ICD_FILENAMES',
    'VK_LOADER_DEBUG',
    'DAWNGRAD_GPU',
    'LD_LIBRARY_PATH',
    'LP_NUM_THREADS',
  ])('changes with %s', (name) => expect(choiceKey(node, { [name]: 'x' })).not.toBe(choiceKey(node, {})));

  it('changes with the executable of Node', () => {
    expect(choiceKey(node, {})).not.toBe(choiceKey(join(folder, 'node'), {}));
  });

  it('changes when a driver that the user names is replaced', () => {
    const icd = join(folder, 'icd.json');
    const key = () => choiceKey(node, { VK_DRIVER_FILES: icd });
    const missing = key();
    writeFileSync(icd, '{}');
    const first = key();
    expect(first).not.toBe(missing);
    expect(key()).toBe(first);
    utimesSync(icd, new Date(), new Date(Date.now() + 5000));
    expect(key()).not.toBe(first);
  });
});

describe('rememberUntil', () => {
  const choice = { kind: 'swiftshader' as const, name: 's', reason: 'r', launch: { node, env: {} } };
  const rejection = (kind: 'hardware' | 'lavapipe') => ({ kind, title: kind, reason: 'r' });

  it('asks again after a day where a better driver could not be downloaded', () => {
    expect(rememberUntil({ ...choice, rejected: [rejection('hardware'), rejection('lavapipe')] }, 5)).toBe(86_400_005);
  });

  it('keeps any other choice', () => {
    expect(rememberUntil({ ...choice, rejected: [rejection('hardware')] }, 5)).toBeNull();
  });
});
