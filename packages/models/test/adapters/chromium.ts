import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const MAC = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';

/** An installed Chromium, or one that DAWNGRAD_CHROMIUM names. */
export function findChromium(env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (env.DAWNGRAD_CHROMIUM) return env.DAWNGRAD_CHROMIUM;
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const inPath = folders.flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return [...inPath, MAC].find((path) => existsSync(path));
}

/** WebGPU on the CPU by Chromium's own SwiftShader, so that the page runs where there is no GPU. */
const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-dev-shm-usage',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
];

/** Opens a page that consists of one script, and returns what the script posts to /result. */
export async function runInChromium(
  chromium: string,
  script: string,
  query: string,
  timeoutMs: number,
): Promise<Record<string, unknown>> {
  const profile = mkdtempSync(join(tmpdir(), 'dawngrad-chromium-'));
  let settle: { resolve: (text: string) => void; reject: (error: Error) => void } | undefined;
  const posted = new Promise<string>((resolve, reject) => {
    settle = { resolve, reject };
  });
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    if (path === '/result') {
      let body = '';
      request.on('data', (part: Buffer) => {
        body += part.toString();
      });
      request.on('end', () => {
        response.end();
        settle?.resolve(body);
      });
    } else if (path === '/script.js') response.setHeader('content-type', 'text/javascript').end(script);
    else if (path === '/') {
      response
        .setHeader('content-type', 'text/html')
        .end('<!doctype html><script type=module src=/script.js></script>');
    } else response.writeHead(404).end();
  });
  // A page of localhost counts as secure, which WebGPU asks for.
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const child = spawn(chromium, [...FLAGS, `--user-data-dir=${profile}`, `http://127.0.0.1:${port}/?${query}`], {
    // The driver that was chosen for Node is none for a browser with its own libraries.
    env: browserEnvironment(process.env),
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let complaints = '';
  child.stderr.on('data', (part: Buffer) => {
    complaints += part.toString();
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  child.once('error', (error) => settle?.reject(error));
  child.once('close', (code) =>
    settle?.reject(new Error(`Chromium ended with code ${code}: ${complaints.slice(-800)}`)),
  );
  const timer = setTimeout(
    () => settle?.reject(new Error(`no result within ${timeoutMs / 1000} s: ${complaints.slice(-800)}`)),
    timeoutMs,
  );
  try {
    return JSON.parse(await posted) as Record<string, unknown>;
  } finally {
    clearTimeout(timer);
    server.closeAllConnections();
    server.close();
    // Its helpers are in its process group.
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
    await ended;
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

function browserEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { VK_DRIVER_FILES: _driver, VK_ICD_FILENAMES: _icd, LD_LIBRARY_PATH: _libraries, ...rest } = env;
  return rest;
}
