import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import { describeFsError, fsErrorCode } from '../io-error.ts';

/** Variables of a process's environment. */
export type HubEnvironment = Readonly<Record<string, string | undefined>>;

/** Where the hub is, where its files are kept, and as whom it is asked. */
export interface HubSettings {
  /** Without a slash at its end. */
  readonly endpoint: string;
  /** The folder of the cache that all clients of the hub share. */
  readonly cache: string;
  readonly token: string | undefined;
  /** What the token was read from, for messages; never the token itself. */
  readonly tokenSource: string | undefined;
  readonly isOffline: boolean;
  /** A connection that brings nothing for this long counts as cut. */
  readonly timeoutMs: number;
}

const ENDPOINT = 'https://huggingface.co';
const TIMEOUT_SECONDS = 30;

/**
 * The settings of Hugging Face's own clients: HF_ENDPOINT, HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME, HF_TOKEN,
 * HF_TOKEN_PATH, HF_HUB_DISABLE_IMPLICIT_TOKEN, HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE, HF_HUB_DOWNLOAD_TIMEOUT
 * (huggingface_hub, `constants.py`). An empty variable counts as one that is not set. Throws ToolError 'config'.
 *
 * The library has the paths only, from the process's own environment and without `~`.
 */
export async function readHubSettings(env: HubEnvironment): Promise<HubSettings> {
  const home = path(env, 'HF_HOME') ?? join(path(env, 'XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'huggingface');
  return {
    endpoint: readEndpoint(env),
    cache: path(env, 'HF_HUB_CACHE') ?? path(env, 'HUGGINGFACE_HUB_CACHE') ?? join(home, 'hub'),
    ...(await readToken(env, home)),
    isOffline: isOn(env, 'HF_HUB_OFFLINE') || isOn(env, 'TRANSFORMERS_OFFLINE'),
    timeoutMs: readTimeoutMs(env),
  };
}

function readEndpoint(env: HubEnvironment): string {
  const text = value(env, 'HF_ENDPOINT') ?? ENDPOINT;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '') {
    // fetch refuses names and passwords in an address.
    if (url.username === '' && url.password === '') return url.href.replace(/\/+$/, '');
  }
  throw new ToolError('config', {
    op: 'HF_ENDPOINT',
    expected: 'the address of a hub, such as https://huggingface.co',
    got: url?.password ? 'one with a password in it' : JSON.stringify(text),
  });
}

async function readToken(env: HubEnvironment, home: string): Promise<Pick<HubSettings, 'token' | 'tokenSource'>> {
  if (isOn(env, 'HF_HUB_DISABLE_IMPLICIT_TOKEN')) return { token: undefined, tokenSource: undefined };
  for (const name of ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN']) {
    const text = value(env, name);
    if (text !== undefined) return { token: checkToken(text, name), tokenSource: name };
  }
  const file = path(env, 'HF_TOKEN_PATH') ?? join(home, 'token');
  try {
    const text = (await readFile(file, 'utf8')).trim();
    if (text !== '') return { token: checkToken(text, file), tokenSource: file };
  } catch (cause) {
    const code = fsErrorCode(cause);
    if (code === undefined) throw cause;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') {
      const got = describeFsError(cause);
      throw new ToolError('config', { op: file, expected: 'a readable token of the hub', got, cause });
    }
  }
  return { token: undefined, tokenSource: undefined };
}

/** A line break in a token would be a line break in the request. The message must not show what may be a secret. */
function checkToken(token: string, source: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new ToolError('config', {
    op: source,
    expected: 'a token of the hub, in one word',
    got: 'a text with spaces, line breaks or other characters that no token has',
  });
}

function readTimeoutMs(env: HubEnvironment): number {
  const text = value(env, 'HF_HUB_DOWNLOAD_TIMEOUT');
  if (text === undefined) return TIMEOUT_SECONDS * 1000;
  const seconds = Number(text);
  if (seconds > 0 && seconds <= 3600) return seconds * 1000;
  throw new ToolError('config', {
    op: 'HF_HUB_DOWNLOAD_TIMEOUT',
    expected: 'seconds, over 0 and up to 3600',
    got: JSON.stringify(text),
  });
}

function value(env: HubEnvironment, name: string): string | undefined {
  const text = env[name]?.trim();
  return text === '' ? undefined : text;
}

function path(env: HubEnvironment, name: string): string | undefined {
  const text = value(env, name)?.replace(/^~(?=\/|\\|$)/, () => homedir());
  return text === undefined ? undefined : resolve(text);
}

function isOn(env: HubEnvironment, name: string): boolean {
  return /^(1|on|yes|true)$/i.test(value(env, name) ?? '');
}
