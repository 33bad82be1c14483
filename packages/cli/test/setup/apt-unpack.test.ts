import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aptUnpack } from '../../setup/apt-unpack.mjs';

const hasApt = spawnSync('apt-get', ['--version']).status === 0 && spawnSync('dpkg-deb', ['--version']).status === 0;
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

describe.skipIf(!hasApt || !existsSync(keyring))('aptUnpack', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dawngrad-apt-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** A repository on this disk with one package, signed by nobody. */
  function writeRepository(): string {
    const repository = join(folder, 'repository');
    const files = join(folder, 'package/DEBIAN');
    mkdirSync(files, { recursive: true });
    writeFileSync(
      join(files, 'control'),
      'Package: dawngrad-probe\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.test>\nDescription: test\n',
    );
    writeFileSync(join(folder, 'package/file.txt'), 'content');
    const binary = join(repository, 'dists/stable/main/binary-amd64');
    mkdirSync(binary, { recursive: true });
    expect(spawnSync('dpkg-deb', ['-b', join(folder, 'package'), join(repository, 'probe.deb')]).status).toBe(0);
    writeFileSync(join(binary, 'Packages'), '');
    writeFileSync(join(repository, 'dists/stable/Release'), 'Suite: stable\nCodename: stable\nComponents: main\n');
    return `file:${repository}`;
  }

  const options = (uri: string, into: string) => ({
    folder: into,
    uri,
    suites: ['stable'],
    keyring,
    packages: ['dawngrad-probe'],
    dependencies: false,
    finish: () => expect.unreachable('nothing unsigned may be unpacked'),
    log: () => undefined,
  });

  it('refuses a repository that the archive keyring did not sign, and leaves nothing behind', async () => {
    const into = join(folder, 'cache/driver');
    await expect(aptUnpack(options(writeRepository(), into))).rejects.toThrow(/apt-get .* failed: .*not signed/);
    expect(readdirSync(join(folder, 'cache'))).toEqual([]);
  });

  it('clears what an interrupted run left', async () => {
    const into = join(folder, 'cache/driver');
    mkdirSync(join(`${into}.partial`, 'root', 'usr'), { recursive: true });
    await expect(aptUnpack(options(`file:${folder}/nowhere`, into))).rejects.toThrow('apt-get');
    expect(readdirSync(join(folder, 'cache'))).toEqual([]);
  });

  it('does nothing where the folder is there', async () => {
    const into = join(folder, 'driver');
    mkdirSync(into);
    await aptUnpack(options('file:/nowhere', into));
    expect(readdirSync(into)).toEqual([]);
  });
});
