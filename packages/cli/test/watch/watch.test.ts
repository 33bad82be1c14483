import { appendFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWatch, type WatchServer } from '../../src/watch/watch-server.ts';
import { bundleSources } from '../bundle-sources.ts';
import { ChromiumPage, findChromium } from '../report/chromium-page.ts';
import { writeRun } from '../run-folders.ts';
import { runMain } from '../run-main.ts';

const chromium = findChromium();
const metrics = [1, 2, 3].map((step) => ({ step, loss: 1 / step }));
let folder = '';
let run = '';
let server: WatchServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-watch-'));
  run = join(folder, 'sft');
  writeRun(run, { config: { run: { seed: 1 }, optim: {}, train: { max_steps: 9 } }, metrics });
  server = await startWatch([run], { port: 0, completions: 100, intervalMs: 50 });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

function ask(method: string, host: string, path = '/'): Promise<{ status: number; text: string }> {
  const { port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, headers: { host } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve({ status: response.statusCode!, text }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

describe('dawngrad watch', () => {
  it('answers those who ask this machine by its own name, and only to be told', async () => {
    const { host, port } = new URL(server.url);
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    const page = await ask('GET', host);
    expect(page.status).toBe(200);
    expect(page.text).toContain("connect-src 'self'");
    expect((await ask('GET', `localhost:${port}`)).status).toBe(200);
    expect((await ask('GET', `evil.example:${port}`)).status).toBe(403);
    expect((await ask('GET', 'evil.example')).status).toBe(403);
    expect((await ask('POST', host)).status).toBe(405);
    expect((await ask('GET', host, '/../config.lock.json')).status).toBe(404);
    expect(readdirSync(run).sort()).toEqual(['config.lock.json', 'env.json', 'metrics.jsonl', 'samples.jsonl']);
  });

  it.skipIf(chromium === undefined)('follows the run in an open page, which keeps what the reader chose', async () => {
    const page = await ChromiumPage.open(chromium!);
    try {
      await page.resize(1000, 800);
      await page.visit(server.url);
      await page.click('#log-axis');
      const frame = '#curve-charts .frame';
      await page.value(`document.querySelector(${JSON.stringify(frame)}).focus()`);
      await page.press('End');
      expect(await page.value(`document.querySelector('#curve-charts .readout').textContent`)).toMatch(/^step 3: /);
      appendFileSync(join(run, 'metrics.jsonl'), `${JSON.stringify({ step: 4, loss: 0.2 })}\n{"step":5,`);
      await page.until(`document.querySelector('#runs').textContent.includes('4 of 9')`);
      await page.until(
        `document.querySelector('#curve-charts .frame') !== null && document.querySelector('#log-axis').checked`,
      );
      await page.value(`document.querySelector(${JSON.stringify(frame)}).focus()`);
      await page.press('End');
      expect(await page.value(`document.querySelector('#curve-charts .readout').textContent`)).toMatch(/^step 4: /);
      expect(await page.value(`document.querySelector('#reading').textContent`)).toContain(
        'is not whole and is left out',
      );
      expect(page.complaints).toEqual([]);
    } finally {
      await page.close();
    }
  });

  it('ends with Ctrl-C and exit code 0', async () => {
    const bundle = await bundleSources({ main: 'src/main.ts' });
    try {
      const script = `const { main } = await import('./main.mjs'); process.exitCode = await main(['watch', ${JSON.stringify(run)}, '--open', 'no']);`;
      const { code, stdout, stderr } = await bundle.run(script, [], {
        signals: [{ after: 'Ctrl-C ends', signal: 'SIGINT' }],
      });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/ {2}\(Ctrl-C ends\)\n$/);
    } finally {
      bundle.remove();
    }
  });

  it('refuses what is no run, and a port that is in use', async () => {
    const none = await runMain('watch', folder, '--open', 'no');
    expect(none.code).toBe(3);
    expect(none.err).toMatch(/a folder without config\.lock\.json/);
    const { port } = new URL(server.url);
    const taken = await runMain('watch', run, '--open', 'no', '--port', port);
    expect(taken.code).toBe(3);
    expect(taken.err).toMatch(/expected a port that is free, got one that is in use/);
  });
});
