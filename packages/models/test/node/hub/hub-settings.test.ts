import { mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readHubSettings } from '../../../src/node/hub/hub-settings.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const cacheOf = async (env: Record<string, string>): Promise<string> => (await readHubSettings(env)).cache;

describe('readHubSettings', () => {
  it("takes the cache's place from the variables of the hub's clients, the nearest first", async () => {
    const all = { HF_HUB_CACHE: '/a', HUGGINGFACE_HUB_CACHE: '/b', HF_HOME: '/c', XDG_CACHE_HOME: '/d' };
    const { HF_HUB_CACHE: _a, ...second } = all;
    const { HUGGINGFACE_HUB_CACHE: _b, ...third } = second;
    const { HF_HOME: _c, ...fourth } = third;
    expect(await cacheOf(all)).toBe('/a');
    expect(await cacheOf(second)).toBe('/b');
    expect(await cacheOf(third)).toBe(join('/c', 'hub'));
    expect(await cacheOf(fourth)).toBe(join('/d', 'huggingface', 'hub'));
    expect(await cacheOf({})).toBe(join(homedir(), '.cache', 'huggingface', 'hub'));
  });

  it('takes ~ for the home folder and an empty variable for none', async () => {
    expect(await cacheOf({ HF_HUB_CACHE: '', HF_HOME: '~/models' })).toBe(join(homedir(), 'models', 'hub'));
  });

  it('reads the token from a variable, else from the file that a login leaves', async () => {
    const home = temporaryFolder();
    const token = async (env: Record<string, string>) => {
      const { token, tokenSource } = await readHubSettings({ HF_HOME: home, ...env });
      return [token, tokenSource];
    };
    expect(await token({})).toEqual([undefined, undefined]);
    writeFileSync(join(home, 'token'), 'hf_file\n');
    expect(await token({})).toEqual(['hf_file', join(home, 'token')]);
    expect(await token({ HUGGING_FACE_HUB_TOKEN: 'hf_old' })).toEqual(['hf_old', 'HUGGING_FACE_HUB_TOKEN']);
    expect(await token({ HF_TOKEN: ' hf_new\n', HUGGING_FACE_HUB_TOKEN: 'hf_old' })).toEqual(['hf_new', 'HF_TOKEN']);
    expect(await token({ HF_TOKEN: 'hf_new', HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' })).toEqual([undefined, undefined]);
    expect(await token({ HF_TOKEN_PATH: join(home, 'none') })).toEqual([undefined, undefined]);
  });

  it('shows no token that cannot be one', async () => {
    const error = await readHubSettings({ HF_TOKEN: 'hf_se cret' }).catch((reason: Error) => reason);
    expect(error).toMatchObject({ code: 'config', message: expect.stringContaining('HF_TOKEN: expected a token') });
    expect(String(error)).not.toContain('cret');
  });

  it('says so where the token cannot be read', async () => {
    const home = temporaryFolder();
    mkdirSync(join(home, 'token'));
    await expect(readHubSettings({ HF_HOME: home })).rejects.toMatchObject({ code: 'config' });
  });

  it('takes another hub, and refuses what is no address of one', async () => {
    expect((await readHubSettings({})).endpoint).toBe('https://huggingface.co');
    expect((await readHubSettings({ HF_ENDPOINT: 'http://mirror:8080/hf/' })).endpoint).toBe('http://mirror:8080/hf');
    for (const HF_ENDPOINT of ['mirror', 'ftp://mirror', 'https://a?b=c', 'https://user:secret@mirror']) {
      const error = await readHubSettings({ HF_ENDPOINT }).catch((reason: Error) => reason);
      expect(error).toMatchObject({ code: 'config' });
      expect(String(error)).not.toContain('secret');
    }
  });

  it('is offline where either variable says so', async () => {
    const isOffline = async (env: Record<string, string>): Promise<boolean> => (await readHubSettings(env)).isOffline;
    for (const value of ['1', 'true', 'ON', 'Yes']) expect(await isOffline({ HF_HUB_OFFLINE: value })).toBe(true);
    expect(await isOffline({ TRANSFORMERS_OFFLINE: '1' })).toBe(true);
    for (const value of ['', '0', 'false', 'no']) expect(await isOffline({ HF_HUB_OFFLINE: value })).toBe(false);
  });

  it('refuses a time limit that is none', async () => {
    expect((await readHubSettings({ HF_HUB_DOWNLOAD_TIMEOUT: '2.5' })).timeoutMs).toBe(2500);
    for (const value of ['0', '-1', 'soon', 'Infinity']) {
      await expect(readHubSettings({ HF_HUB_DOWNLOAD_TIMEOUT: value })).rejects.toMatchObject({ code: 'config' });
    }
  });
});
