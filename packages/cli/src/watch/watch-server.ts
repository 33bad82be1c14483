import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ToolError } from '@dawngrad/tensor';
import { reportSources } from '../report/report-folder.ts';
import { reportPage } from '../report/run-report.ts';
import { runSignature } from './run-signature.ts';

export interface WatchOptions {
  /** 0 for one that is free. */
  readonly port: number;
  readonly title?: string;
  readonly completions: number;
  /** How often the files are looked at. */
  readonly intervalMs?: number;
}

export interface WatchServer {
  readonly url: string;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
const INTERVAL_MS = 1000;

/**
 * Serves the report of some folders on the loopback interface, made anew whenever their files have changed. It only
 * reads, answers no request that was sent to another name (a page of a stranger whose name was made to point here),
 * and listens to nobody outside of this machine. Throws ToolError 'config' for other folders and for a port in use.
 */
export async function startWatch(
  paths: readonly string[],
  { port, intervalMs = INTERVAL_MS, ...options }: WatchOptions,
): Promise<WatchServer> {
  const sources = reportSources(paths);
  let signature = runSignature(sources);
  let page: Promise<string> | undefined;
  const followers = new Set<ServerResponse>();
  const pageNow = (): Promise<string> => {
    page ??= reportPage(paths, { ...options, isLive: true });
    return page;
  };
  const server = createServer((request, response) => {
    const fault = faultOf(request, (server.address() as AddressInfo | null)?.port);
    if (fault !== undefined) {
      response.writeHead(fault.status, { 'content-type': 'text/plain' }).end(fault.text);
      return;
    }
    const path = request.url?.split('?')[0];
    if (path === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      response.write(':\n\n');
      followers.add(response);
      response.on('close', () => followers.delete(response));
      return;
    }
    if (path !== '/') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('not found');
      return;
    }
    pageNow().then(
      (text) => response.writeHead(200, PAGE_HEADERS).end(request.method === 'HEAD' ? undefined : text),
      (error: unknown) => {
        // The next look at the files may find them whole.
        page = undefined;
        response.writeHead(500, { 'content-type': 'text/plain' }).end(String((error as Error).message));
      },
    );
  });
  await listen(server, port);
  const timer = setInterval(() => {
    const now = runSignature(sources);
    if (now === signature) return;
    signature = now;
    page = undefined;
    for (const follower of followers) follower.write('event: changed\ndata: 1\n\n');
  }, intervalMs);
  return {
    url: `http://${HOST}:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((resolve) => {
        clearInterval(timer);
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  // The page's own policy stands in it; only this cannot.
  'content-security-policy': "frame-ancestors 'none'",
};

function faultOf(
  { method, headers }: IncomingMessage,
  port: number | undefined,
): { readonly status: number; readonly text: string } | undefined {
  if (![`${HOST}:${port}`, `localhost:${port}`].includes(headers.host ?? '')) {
    return { status: 403, text: `expected the name ${HOST} or localhost` };
  }
  return method === 'GET' || method === 'HEAD' ? undefined : { status: 405, text: 'this server only tells' };
}

function listen(server: ReturnType<typeof createServer>, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const got = cause.code === 'EADDRINUSE' ? 'one that is in use' : (cause.code ?? cause.message);
      reject(
        new ToolError('config', {
          op: `--port ${port}`,
          expected: 'a port that is free',
          got,
          hint: '--port 0 takes any.',
          cause,
        }),
      );
    });
    server.listen(port, HOST, () => resolve());
  });
}
