import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { adapterCandidates } from '../../setup/candidates.mjs';
import { noAdapterMessage } from '../../setup/install-advice.mjs';

const cache = mkdtempSync(join(tmpdir(), 'dawngrad-candidates-'));
afterAll(() => rmSync(cache, { recursive: true }));

const candidates = (env: NodeJS.ProcessEnv) =>
  adapterCandidates({ node: process.execPath, cache, env, log: () => undefined });

describe('adapterCandidates', () => {
  it.runIf(process.platform === 'linux')('asks for hardware first and for SwiftShader last on Linux', () => {
    const kinds = candidates({}).map((candidate) => candidate.kind);
    expect([...new Set(kinds)]).toEqual(['hardware', 'system', 'lavapipe', 'swiftshader']);
  });

  it.runIf(process.platform === 'linux')('offers only the kind that DAWNGRAD_GPU names', () => {
    const kinds = candidates({ DAWNGRAD_GPU: 'swiftshader' }).map((candidate) => candidate.kind);
    expect(kinds).toEqual(['swiftshader']);
  });

  it.runIf(process.platform === 'linux')('offers an older lavapipe only where it is named', () => {
    const older = candidates({ DAWNGRAD_GPU: 'lavapipe-backports' });
    expect(older.every(({ kind }) => kind === 'lavapipe-backports')).toBe(true);
    expect(older.some(({ title }) => title.includes('forky'))).toBe(false);
  });

  it('refuses an unknown DAWNGRAD_GPU as a usage error that names the known ones', () => {
    expect(() => candidates({ DAWNGRAD_GPU: 'cuda' })).toThrow(
      expect.objectContaining({
        exitCode: 2,
        message: expect.stringContaining('hardware, system, lavapipe, lavapipe-backports, swiftshader'),
      }),
    );
  });

  it('does not take a software driver for hardware', () => {
    const [hardware] = candidates({});
    const found = { name: 'llvmpipe', vendor: 'mesa', architecture: '', description: '', software: true };
    expect(hardware?.refuse?.(found)).toContain('llvmpipe');
    expect(hardware?.refuse?.({ ...found, software: false })).toBeUndefined();
  });

  it.runIf(process.platform === 'linux')(
    'leaves a driver that the user names in VK_DRIVER_FILES to the user',
    async () => {
      const system = candidates({ VK_DRIVER_FILES: '/somewhere/icd.json' }).find(({ kind }) => kind === 'system');
      expect((await system?.prepare())?.env).not.toHaveProperty('VK_DRIVER_FILES');
    },
  );
});

describe('noAdapterMessage', () => {
  const rejected = [{ kind: 'hardware' as const, title: 'hardware adapter', reason: 'Dawn finds no adapter' }];

  it('says what was tried and what to install on each system', () => {
    const message = noAdapterMessage(rejected);
    expect(message).toContain('hardware adapter: Dawn finds no adapter');
    expect(message).toMatch(/Debian: .*apt-get install mesa-vulkan-drivers/);
    expect(message).toMatch(/Ubuntu: .*apt-get install mesa-vulkan-drivers/);
    expect(message).toMatch(/Fedora: .*dnf install mesa-vulkan-drivers/);
    expect(message).toMatch(/macOS: +nothing: Metal/);
  });

  it('names DAWNGRAD_GPU where it left only one candidate', () => {
    expect(noAdapterMessage(rejected, 'hardware')).toContain('DAWNGRAD_GPU=hardware');
  });
});
