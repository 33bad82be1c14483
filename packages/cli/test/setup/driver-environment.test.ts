import { describe, expect, it } from 'vitest';
import type { Choice } from '../../setup/choose-adapter.mjs';
import { driverEnvironment, driverReport, outerEnvironment } from '../../setup/driver-environment.mjs';
import { hasAdapter, needsAdapter, prepareAdapter } from '../../setup/launcher.mjs';

const choice: Choice = {
  kind: 'lavapipe',
  name: 'llvmpipe',
  reason: 'the first that computes a known answer',
  rejected: [{ kind: 'hardware', title: 'hardware adapter', reason: 'Dawn finds no adapter' }],
  launch: { node: '/cache/node-1/node', env: { VK_DRIVER_FILES: '/cache/icd.json' } },
};

describe('driverEnvironment', () => {
  it('hands the choice and its reasons on, and puts the wrapper first in PATH', () => {
    const env = driverEnvironment(choice, { PATH: '/bin', HOME: '/home' }, '/usr/bin/node');
    expect(env).toMatchObject({ VK_DRIVER_FILES: '/cache/icd.json', PATH: '/cache/node-1:/bin', HOME: '/home' });
    expect(driverReport(env)).toMatchObject({
      kind: 'lavapipe',
      name: 'llvmpipe',
      rejected: choice.rejected,
      node: '/cache/node-1/node',
      plainNode: '/usr/bin/node',
    });
  });

  it.each([{ PATH: '/bin' }, { PATH: '/bin', VK_DRIVER_FILES: '/mine.json', DAWNGRAD_GPU: 'lavapipe' }])(
    'can be taken back: %o',
    (outer) => {
      expect(outerEnvironment(driverEnvironment(choice, outer, '/usr/bin/node'))).toEqual(outer);
    },
  );

  it('ignores a report that is not one', () => {
    for (const text of ['', '{', 'null', '[]', '{"kind":"lavapipe"}']) {
      expect(driverReport({ DAWNGRAD_DRIVER: text })).toBeUndefined();
    }
  });
});

describe('launching', () => {
  const here: Choice = { ...choice, launch: { node: process.execPath, env: {} } };
  const inside = driverEnvironment(here, {}, process.execPath);

  it('is done in a process that was started for the adapter', () => {
    expect(hasAdapter(inside)).toBe(true);
    expect(hasAdapter({ ...inside, DAWNGRAD_GPU: 'lavapipe' })).toBe(true);
  });

  it('is not done where another executable or driver is asked for', () => {
    expect(hasAdapter({})).toBe(false);
    expect(hasAdapter(driverEnvironment(choice, {}, process.execPath))).toBe(false);
    expect(hasAdapter({ ...inside, DAWNGRAD_GPU: 'swiftshader' })).toBe(false);
  });

  it('keeps a choice that was made further up', async () => {
    const env = driverEnvironment(choice, { PATH: '/bin' }, '/usr/bin/node');
    const target = await prepareAdapter(env, () => expect.unreachable());
    expect(target).toMatchObject({ node: '/cache/node-1/node', kind: 'lavapipe', name: 'llvmpipe' });
    expect(target.env).toBe(env);
  });

  it.each([
    [['train', 'irl', '--config', 'a.yaml'], true],
    [['--debug', 'doctor'], true],
    [['demo'], true],
    [['train', '--help'], false],
    [['config', 'schema'], false],
    [['bench', 'tune', '--quick'], true],
    [['--version'], false],
    [[], false],
  ])('%j needs an adapter: %s', (args, expected) => expect(needsAdapter(args)).toBe(expected));
});
