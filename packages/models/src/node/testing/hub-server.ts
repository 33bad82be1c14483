import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A file of a repository; one in large file storage is served by the other host. */
export interface ServedFile {
  readonly bytes: Buffer;
  readonly isLarge: boolean;
}

/** A file in large file storage. */
export function largeFile(bytes: Buffer): ServedFile {
  return { bytes, isLarge: true };
}

export interface ServedRepo {
  readonly refs: Map<string, string>;
  readonly commits: Map<string, ReadonlyMap<string, ServedFile>>;
  /** Who may read it: everybody, who has the token, nobody but who accepted its conditions. */
  access: 'public' | 'private' | 'gated';
  /** Changes what the tree says, to lie. */
  listing: (entries: Record<string, unknown>[]) => unknown;
}

/** What a request met. */
export interface SeenRequest {
  readonly host: 'hub' | 'cdn';
  readonly path: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
}

/** Something that goes wrong, for as many requests as `times` says. */
export interface Fault {
  readonly host: 'hub' | 'cdn';
  readonly path: RegExp;
  times: number;
  /** Answers in the place of what would have been sent. */
  readonly answer?: (response: ServerResponse, request: IncomingMessage) => void;
  /** Sends that many bytes of the body and ends the connection. */
  readonly cutAfter?: number;
  /** Sends that many bytes of the body, then nothing more. */
  readonly stallAfter?: number;
  /** Sends the body changed. */
  readonly change?: (body: Buffer) => Buffer;
  /** Sends all of a file to who asks for a part. */
  readonly ignoresRange?: boolean;
}

export const TOKEN = 'hf_test_token';
const PAGE = 4;

/**
 * A small hub on loopback: the part of its interface that clients use to read models and data sets. Large files are
 * redirected to a second host, as the real one does.
 */
export class HubServer {
  readonly seen: SeenRequest[] = [];
  readonly faults: Fault[] = [];
  readonly #repos = new Map<string, ServedRepo>();
  readonly #hub: Server;
  readonly #cdn: Server;
  #hubUrl = '';
  #cdnUrl = '';

  private constructor() {
    this.#hub = createServer((request, response) => this.#serve('hub', request, response));
    this.#cdn = createServer((request, response) => this.#serve('cdn', request, response));
  }

  static async start(): Promise<HubServer> {
    const server = new HubServer();
    server.#hubUrl = await listen(server.#hub);
    server.#cdnUrl = await listen(server.#cdn);
    return server;
  }

  /** What HF_ENDPOINT is to be. */
  get url(): string {
    return this.#hubUrl;
  }

  /** Makes `owner/name` or `datasets/owner/name`, or a new commit of it on `main`. Returns the commit. */
  commit(name: string, files: Readonly<Record<string, ServedFile | string>>): string {
    const served = new Map<string, ServedFile>();
    for (const [path, file] of Object.entries(files)) {
      served.set(path, typeof file === 'string' ? { bytes: Buffer.from(file), isLarge: false } : file);
    }
    const commit = createHash('sha1')
      .update(name)
      .update([...served].map(([path, { bytes }]) => `${path} ${gitHash(bytes)}`).join('\n'))
      .digest('hex');
    const repo = this.#repos.get(name) ?? {
      refs: new Map(),
      commits: new Map(),
      access: 'public',
      listing: (entries) => entries,
    };
    this.#repos.set(name, repo);
    repo.commits.set(commit, served);
    repo.refs.set('main', commit);
    return commit;
  }

  repo(name: string): ServedRepo {
    const repo = this.#repos.get(name);
    if (repo === undefined) throw new Error(`no repository ${name}`);
    return repo;
  }

  /** Paths that were asked for on one host, in order. */
  paths(host: 'hub' | 'cdn'): string[] {
    return this.seen.filter((request) => request.host === host).map(({ path }) => path);
  }

  async stop(): Promise<void> {
    for (const server of [this.#hub, this.#cdn]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  #serve(host: 'hub' | 'cdn', request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://host');
    const path = decodeURIComponent(url.pathname);
    const { authorization, range } = request.headers;
    this.seen.push({ host, path, authorization, range });
    const fault = this.faults.find(
      (candidate) => candidate.host === host && candidate.path.test(path) && candidate.times > 0,
    );
    if (fault !== undefined) fault.times -= 1;
    if (fault?.answer !== undefined) fault.answer(response, request);
    else if (host === 'cdn') this.#serveLarge(path, request, response, fault);
    else this.#serveHub(url, path, request, response, fault);
  }

  #serveLarge(
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
    fault: Fault | undefined,
  ): ServerResponse {
    const files = [...this.#repos.values()].flatMap(({ commits }) =>
      [...commits.values()].flatMap((all) => [...all.values()]),
    );
    const file = files.find(({ bytes, isLarge }) => isLarge && `/${sha256(bytes)}` === path);
    if (file === undefined) return refuse(response, 403);
    return sendFile(response, request, file.bytes, {}, fault);
  }

  #serveHub(
    url: URL,
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
    fault: Fault | undefined,
  ): ServerResponse {
    const api = /^\/api\/(models|datasets)\/([^/]+\/[^/]+)\/(revision|tree)\/(.+)$/.exec(path);
    const file = /^\/(datasets\/)?([^/]+\/[^/]+)\/resolve\/([0-9a-f]{40})\/(.+)$/.exec(path);
    const name =
      api !== null ? `${api[1] === 'datasets' ? 'datasets/' : ''}${api[2]}` : `${file?.[1] ?? ''}${file?.[2]}`;
    const repo = this.#repos.get(name);
    const isKnown = request.headers.authorization === `Bearer ${TOKEN}`;
    const isHidden = repo?.access === 'private' && !isKnown;
    if (repo === undefined || isHidden) {
      // Strangers do not learn whether there is one.
      return refuse(response, request.headers.authorization === undefined ? 401 : 404, 'RepoNotFound');
    }
    if (api?.[3] === 'revision') {
      const commit = repo.refs.get(api[4]!) ?? (repo.commits.has(api[4]!) ? api[4] : undefined);
      if (commit === undefined) return refuse(response, 404, 'RevisionNotFound');
      return sendJson(
        response,
        request,
        { _id: '1', id: api[2], sha: commit, private: false, gated: false },
        {},
        fault,
      );
    }
    const [commit, ...rest] = api === null ? [file?.[3], file?.[4]] : api[4]!.split('/');
    const files = repo.commits.get(commit ?? '');
    if (files === undefined) return refuse(response, 404, 'RevisionNotFound');
    if (api !== null) return this.#sendTree(url, rest.join('/'), repo, files, request, response, fault);
    if (repo.access === 'gated') return refuse(response, isKnown ? 403 : 401, 'GatedRepo');
    const served = files.get(rest[0] ?? '');
    if (served === undefined) return refuse(response, 404, 'EntryNotFound');
    if (!served.isLarge)
      return sendFile(response, request, served.bytes, { etag: `"${gitHash(served.bytes)}"` }, fault);
    return response.writeHead(302, { location: `${this.#cdnUrl}/${sha256(served.bytes)}?signature=secret` }).end();
  }

  #sendTree(
    url: URL,
    folder: string,
    repo: ServedRepo,
    files: ReadonlyMap<string, ServedFile>,
    request: IncomingMessage,
    response: ServerResponse,
    fault: Fault | undefined,
  ): ServerResponse {
    const prefix = folder === '' ? '' : `${folder}/`;
    const entries = new Map<string, Record<string, unknown>>();
    for (const [path, { bytes, isLarge }] of files) {
      if (!path.startsWith(prefix)) continue;
      const slash = path.indexOf('/', prefix.length);
      const entry = slash < 0 ? path : path.slice(0, slash);
      const pointer = Buffer.from(`version https://git-lfs.github.com/spec/v1\noid sha256:${sha256(bytes)}\n`);
      const large = { lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: pointer.length } };
      const ofFile = {
        type: 'file',
        size: bytes.length,
        oid: gitHash(isLarge ? pointer : bytes),
        ...(isLarge ? large : {}),
      };
      entries.set(entry, {
        path: entry,
        ...(slash < 0 ? ofFile : { type: 'directory', size: 0, oid: gitHash(pointer) }),
      });
    }
    if (folder !== '' && entries.size === 0) return refuse(response, 404, 'EntryNotFound');
    const listed = repo.listing([...entries.values()]);
    if (!Array.isArray(listed)) return sendJson(response, request, listed, {}, fault);
    const start = Number(url.searchParams.get('cursor') ?? 0);
    url.searchParams.set('cursor', String(start + PAGE));
    const next = `<${this.#hubUrl}${url.pathname}${url.search}>; rel="next"`;
    const link = start + PAGE < listed.length ? { link: next } : {};
    return sendJson(response, request, listed.slice(start, start + PAGE), link, fault);
  }
}

export function refuse(
  response: ServerResponse,
  status: number,
  code?: string,
  more: Record<string, string> = {},
): ServerResponse {
  const headers = {
    'content-type': 'application/json',
    ...(code === undefined ? {} : { 'x-error-code': code }),
    ...more,
  };
  return response.writeHead(status, headers).end(JSON.stringify({ error: `status ${status}` }));
}

function sendJson(
  response: ServerResponse,
  request: IncomingMessage,
  value: unknown,
  headers: Record<string, string>,
  fault: Fault | undefined,
): ServerResponse {
  const body = Buffer.from(JSON.stringify(value));
  return send(response, request, 200, body, { 'content-type': 'application/json', ...headers }, fault);
}

function sendFile(
  response: ServerResponse,
  request: IncomingMessage,
  bytes: Buffer,
  headers: Record<string, string>,
  fault: Fault | undefined,
): ServerResponse {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  if (from === undefined || fault?.ignoresRange) return send(response, request, 200, bytes, headers, fault);
  const start = Number(from);
  const end = to === '' || to === undefined ? bytes.length : Math.min(Number(to) + 1, bytes.length);
  if (start >= bytes.length) return refuse(response, 416);
  const part = { 'content-range': `bytes ${start}-${end - 1}/${bytes.length}` };
  return send(response, request, 206, bytes.subarray(start, end), { ...headers, ...part }, fault);
}

function send(
  response: ServerResponse,
  request: IncomingMessage,
  status: number,
  whole: Buffer,
  headers: Record<string, string>,
  fault: Fault | undefined,
): ServerResponse {
  const body = fault?.change?.(Buffer.from(whole)) ?? whole;
  response.writeHead(status, { ...headers, 'content-length': String(body.length) });
  const limit = fault?.cutAfter ?? fault?.stallAfter;
  if (limit === undefined) return response.end(body);
  response.write(body.subarray(0, limit), () => {
    // Once the bytes are on their way.
    if (fault?.cutAfter !== undefined) setTimeout(() => request.socket.destroy(), 20);
  });
  return response;
}

function listen(server: Server): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  });
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function gitHash(bytes: Uint8Array): string {
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}
