import type { HubDisk } from './hub-disk.ts';
import { connectionFailure, type HubSubject, hubError, PassingFailure, refusalOf } from './hub-refusal.ts';
import { RetryBudget, type Sleep } from './retry-budget.ts';

const USER_AGENT = 'dawngrad';
const API_TRIES = 3;
/** Far above the listing of any model; an answer without an end must not fill the memory. */
const API_CAP_BYTES = 64 << 20;

/** How one download talks to its hub. */
export interface HubClient extends HubSubject {
  readonly signal: AbortSignal;
  readonly sleep: Sleep;
  readonly disk: HubDisk;
  readonly onNote: (text: string) => void;
}

/** Another answer than the part of a file that was asked for: the whole of it, or none. */
export class NoPartialContent extends Error {
  override readonly name = 'NoPartialContent';
}

/**
 * The `fetch` that the library calls for its JSON answers. Around it the library has no retry, no time limit, no cap
 * and one error for all refusals. An answer is read as a whole here, so that one that is cut is asked for again.
 * Throws ToolError.
 */
export function apiFetch(client: HubClient): typeof fetch {
  return async (input, init) => {
    const budget = new RetryBudget({ ...client, tries: API_TRIES, onRetry: client.onNote });
    for (;;) {
      try {
        const signal = AbortSignal.any([client.signal, AbortSignal.timeout(client.settings.timeoutMs)]);
        const response = await request(client, input, { ...init, signal });
        return await readJson(client, response);
      } catch (error) {
        await budget.wait(error);
      }
    }
  };
}

/**
 * The `fetch` that the library calls for the content of a file: one try, since the caller goes on from where a
 * connection was cut. `touch` is to be called for every piece that arrives; without it for too long the connection
 * counts as cut. Throws ToolError, PassingFailure or NoPartialContent.
 */
export function fileFetch(client: HubClient): { fetch: typeof fetch; touch: () => void; end: () => void } {
  const watchdog = new AbortController();
  const timer = setTimeout(() => {
    watchdog.abort(new DOMException('nothing arrived', 'TimeoutError'));
  }, client.settings.timeoutMs);
  return {
    touch: () => timer.refresh(),
    end: () => clearTimeout(timer),
    fetch: async (input, init) => {
      const signal = AbortSignal.any([client.signal, watchdog.signal]);
      const range = new Headers(init?.headers).get('range');
      const response = await request(client, input, { ...init, signal });
      const start = range === null ? undefined : /^bytes=(\d+)-/.exec(range)?.[1];
      if (start !== undefined && !isPartFrom(response, start)) {
        await response.body?.cancel();
        throw new NoPartialContent();
      }
      return response;
    },
  };
}

/** One request; anything but success is thrown. */
async function request(client: HubClient, input: string | URL | Request, init: RequestInit): Promise<Response> {
  const { endpoint, token } = client.settings;
  const url = new URL(input instanceof Request ? input.url : input);
  const headers = new Headers(init.headers);
  headers.set('user-agent', USER_AGENT);
  // Sizes and hashes are those of the content itself.
  headers.set('accept-encoding', 'identity');
  // A link of an answer may lead anywhere; a redirect to another host loses this header in fetch itself.
  if (token !== undefined && url.origin === new URL(endpoint).origin) headers.set('authorization', `Bearer ${token}`);
  let response: Response;
  try {
    response = await fetch(url, { ...init, headers });
  } catch (cause) {
    client.signal.throwIfAborted();
    throw connectionFailure(cause, client);
  }
  if (response.ok) return response;
  await response.body?.cancel();
  // "Range not satisfiable": the part that is here already is no part of the file.
  if (response.status === 416) throw new NoPartialContent();
  throw refusalOf(response, client, Date.now());
}

async function readJson(client: HubClient, { body, status, headers }: Response): Promise<Response> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const piece of body ?? []) {
      size += piece.byteLength;
      if (size > API_CAP_BYTES) break;
      pieces.push(piece);
    }
  } catch (cause) {
    client.signal.throwIfAborted();
    throw connectionFailure(cause, client);
  }
  if (size > API_CAP_BYTES) throw hubError('io', client, `an answer of at most ${API_CAP_BYTES} bytes`, 'a longer one');
  const text = Buffer.concat(pieces).toString();
  if (isJson(text)) return new Response(text, { status, headers });
  const type = headers.get('content-type')?.slice(0, 60) ?? 'something else';
  const hint = 'Is HF_ENDPOINT a hub? Networks with a login page also answer in its place.';
  throw new PassingFailure(hubError('io', client, `JSON from ${client.settings.endpoint}`, type, hint));
}

function isPartFrom({ status, headers }: Response, start: string): boolean {
  return status === 206 && (headers.get('content-range') ?? '').startsWith(`bytes ${start}-`);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
