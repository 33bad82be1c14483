import { ToolError } from '@dawngrad/tensor';
import { type HubRepo, repoPath } from './hub-repo.ts';
import type { HubSettings } from './hub-settings.ts';

/** Something that may go better if it is tried again. */
export class PassingFailure extends Error {
  /** What to report once there is no use in trying. */
  readonly error: ToolError;
  /** How long the hub asks to wait. */
  readonly waitMs: number | undefined;

  constructor(error: ToolError, waitMs?: number) {
    super(error.message, { cause: error });
    this.name = 'PassingFailure';
    this.error = error;
    this.waitMs = waitMs;
  }
}

/** What a refusal is about. */
export interface HubSubject {
  readonly repo: HubRepo;
  readonly settings: HubSettings;
  /** The file that was asked for. */
  readonly file?: string;
}

/**
 * Why a hub did not give what it was asked for: a ToolError, or a PassingFailure around one. `X-Error-Code` tells
 * apart what one status stands for; without it, 401 is also the answer for a repository that does not exist, so that
 * strangers cannot find out which private ones do (huggingface_hub, `hf_raise_for_status`).
 *
 * @param nowMs for a Retry-After that names a date
 */
export function refusalOf(response: Response, subject: HubSubject, nowMs: number): ToolError | PassingFailure {
  const { status, headers } = response;
  if (status === 429) return new PassingFailure(tooMany(subject, waitOf(headers, nowMs)), waitOf(headers, nowMs));
  if (status >= 500 || status === 408) {
    const { endpoint } = subject.settings;
    const got = `HTTP status ${status}${requestId(headers)}`;
    return new PassingFailure(
      hubError('io', subject, `an answer from ${endpoint}`, got, TRY_LATER),
      waitOf(headers, nowMs),
    );
  }
  const code = headers.get('x-error-code');
  if (status === 404) return notFound(code, subject);
  if (code === 'GatedRepo') return gated(subject);
  if (status === 401) return unauthorised(subject);
  if (status === 403) {
    const hint = `Its page is ${pageOf(subject)}; a fine-grained token needs the right to read it.`;
    return hubError('config', subject, 'the right to read it', `HTTP status 403 ${tokenText(subject)}`, hint);
  }
  return hubError('io', subject, 'what was asked for', `HTTP status ${status}${requestId(headers)}`);
}

/** The hub, or a host that it sends to, could not be reached or ended the connection. */
export function connectionFailure(cause: unknown, subject: HubSubject): PassingFailure {
  const error = hubError(
    'io',
    subject,
    `a connection to ${subject.settings.endpoint} that holds`,
    describeNetworkError(cause),
    'Check the network (and HF_ENDPOINT). What was downloaded stays: the same command goes on from there.',
    cause,
  );
  return new PassingFailure(error);
}

export function hubError(
  code: 'config' | 'corrupt' | 'io',
  { repo, file }: Pick<HubSubject, 'repo' | 'file'>,
  expected: string,
  got: string,
  hint?: string,
  cause?: unknown,
): ToolError {
  const op = file === undefined ? repoPath(repo) : `${repoPath(repo)}/${file}`;
  return new ToolError(code, { op, expected, got, ...(hint === undefined ? {} : { hint }), cause });
}

const TRY_LATER = 'Try again later; what was downloaded stays, and the same command goes on from there.';

function notFound(code: string | null, subject: HubSubject): ToolError {
  const { repo, settings, file } = subject;
  if (code === 'RevisionNotFound') {
    const hint = `Its branches and tags: ${pageOf(subject)}/tree/main`;
    return hubError('config', subject, `a branch, tag or commit ${repo.revision}`, 'none of that name', hint);
  }
  if (code === 'EntryNotFound' || file !== undefined) {
    return hubError('config', subject, 'a file of that name', `none at revision ${repo.revision}`);
  }
  const hint = 'Check the name; a private one needs a token with access to it (HF_TOKEN).';
  return hubError('config', subject, `a ${repo.type} on ${settings.endpoint}`, 'none of that name', hint);
}

function gated(subject: HubSubject): ToolError {
  const login = subject.settings.token === undefined ? ', then set HF_TOKEN to a token of that account' : '';
  const hint = `Accept its conditions at ${pageOf(subject)}${login}.`;
  return hubError('config', subject, `access to this ${subject.repo.type}`, `a gated one ${tokenText(subject)}`, hint);
}

function unauthorised(subject: HubSubject): ToolError {
  const { repo, settings } = subject;
  if (settings.token !== undefined) {
    const hint = `Make a new one at ${settings.endpoint}/settings/tokens, or check the name.`;
    return hubError(
      'config',
      subject,
      'a token that may read it',
      `one that is refused (${settings.tokenSource})`,
      hint,
    );
  }
  const got = 'none that can be read without a token';
  const hint = 'Check the name; a private one needs HF_TOKEN.';
  return hubError('config', subject, `a ${repo.type} on ${settings.endpoint}`, got, hint);
}

function tooMany(subject: HubSubject, waitMs: number | undefined): ToolError {
  const wait = waitMs === undefined ? '' : `, which asks to wait ${Math.ceil(waitMs / 1000)} s`;
  const login = subject.settings.token === undefined ? ' With HF_TOKEN set, the hub allows more.' : '';
  const hint = `Try again later; what was downloaded stays.${login}`;
  return hubError('io', subject, 'an answer', `HTTP status 429 (too many requests)${wait}`, hint);
}

/** Retry-After in seconds or as a date; else the time to reset in the hub's own `RateLimit: "api";r=0;t=55`. */
function waitOf(headers: Headers, nowMs: number): number | undefined {
  const after = headers.get('retry-after');
  if (after !== null) {
    const ms = /^\d+$/.test(after) ? Number(after) * 1000 : Date.parse(after) - nowMs;
    if (Number.isFinite(ms)) return Math.max(0, ms);
  }
  const reset = /;\s*t=(\d{1,9})/.exec(headers.get('ratelimit') ?? '')?.[1];
  return reset === undefined ? undefined : Number(reset) * 1000;
}

function describeNetworkError(cause: unknown): string {
  const words: Readonly<Record<string, string>> = {
    ENOTFOUND: 'no such host',
    EAI_AGAIN: 'no answer from the name server',
    ECONNREFUSED: 'connection refused',
    ECONNRESET: 'connection reset',
    ETIMEDOUT: 'no answer',
    UND_ERR_CONNECT_TIMEOUT: 'no answer',
    UND_ERR_SOCKET: 'connection closed',
  };
  // fetch says only that it failed; its causes say why.
  for (let error = cause; error instanceof Error; error = error.cause) {
    const code = 'code' in error ? String(error.code) : '';
    if (Object.hasOwn(words, code)) return `${words[code]} (${code})`;
    if (error.name === 'TimeoutError') return 'nothing for too long';
    if (error.cause === undefined && code !== '' && Number.isNaN(Number(code))) return `${error.message} (${code})`;
  }
  return 'a cut connection';
}

function tokenText({ settings }: HubSubject): string {
  return settings.token === undefined ? 'without a token' : `with the token of ${settings.tokenSource}`;
}

function requestId(headers: Headers): string {
  const id = headers.get('x-request-id') ?? '';
  return /^[\w.:;=-]{1,100}$/.test(id) ? ` (request ${id})` : '';
}

function pageOf({ repo, settings }: HubSubject): string {
  return `${settings.endpoint}/${repoPath(repo)}`;
}
