import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const MAC = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';

/** An installed Chromium, or one that DAWNGRAD_CHROMIUM names. */
export function findChromium(env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (env.DAWNGRAD_CHROMIUM) return env.DAWNGRAD_CHROMIUM;
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const inPath = folders.flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return [...inPath, MAC].find((path) => existsSync(path));
}

const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--no-first-run',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-dev-shm-usage',
  '--remote-debugging-pipe',
];

type Message = Readonly<Record<string, unknown>> & {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
};

/** One tab of a headless Chromium, driven through its debugging pipe: clicks and keys are those of a user. */
export class ChromiumPage {
  /** Errors and warnings of the console, broken policies among them, and exceptions. */
  readonly complaints: string[] = [];
  readonly #child: ChildProcess;
  readonly #profile: string;
  readonly #waiting = new Map<
    number,
    { resolve: (result: Record<string, unknown>) => void; reject: (e: Error) => void }
  >();
  #session: string | undefined;
  #next = 1;

  private constructor(child: ChildProcess, profile: string) {
    this.#child = child;
    this.#profile = profile;
    let rest = '';
    (child.stdio[4] as Readable).setEncoding('utf8').on('data', (part: string) => {
      const messages = (rest + part).split('\0');
      rest = messages.pop()!;
      for (const message of messages) this.#take(JSON.parse(message) as Message);
    });
    child.once('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('Chromium has ended'));
    });
  }

  static async open(chromium: string): Promise<ChromiumPage> {
    const profile = mkdtempSync(join(tmpdir(), 'dawngrad-chromium-'));
    const child = spawn(chromium, [...FLAGS, `--user-data-dir=${profile}`], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const page = new ChromiumPage(child, profile);
    const { targetId } = await page.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await page.send('Target.attachToTarget', { targetId, flatten: true });
    page.#session = sessionId as string;
    for (const domain of ['Page', 'Runtime', 'Log']) await page.send(`${domain}.enable`);
    return page;
  }

  send(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = this.#next++;
    const session = this.#session === undefined ? {} : { sessionId: this.#session };
    (this.#child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, ...session })}\0`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  /** Opens an address and waits until the report is drawn; returns the milliseconds that this took in the page. */
  async visit(url: string): Promise<number> {
    await this.send('Page.navigate', { url });
    await this.until('document.documentElement?.dataset.drawn !== undefined && document.readyState === "complete"');
    return Number(await this.value('document.documentElement.dataset.drawn'));
  }

  /** The value of an expression in the page. */
  async value(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = (await this.send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    })) as { result: { value: unknown }; exceptionDetails?: { exception?: { description?: string } } };
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? expression);
    return result.value;
  }

  /** Waits until an expression is true; throws after 20 s. */
  async until(expression: string): Promise<void> {
    for (let tries = 0; tries < 1000; tries++) {
      if ((await this.value(expression)) === true) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`never true: ${expression}`);
  }

  /** The width and height of the window in pixels, and the reader's colours. */
  async resize(width: number, height: number, scheme: 'light' | 'dark' = 'light'): Promise<void> {
    await this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: width < 500 });
    await this.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
  }

  /** The middle of an element after it has been brought into sight. */
  async middle(selector: string): Promise<{ x: number; y: number }> {
    const expression = `(() => { const e = document.querySelector(${JSON.stringify(selector)}); e.scrollIntoView({ block: 'center' });
      const r = e.getBoundingClientRect(); return { x: r.left + r.width / 2, y: r.top + r.height / 2 }; })()`;
    return (await this.value(expression)) as { x: number; y: number };
  }

  async click(selector: string): Promise<void> {
    const { x, y } = await this.middle(selector);
    await this.#mouse('mousePressed', x, y, 1);
    await this.#mouse('mouseReleased', x, y, 0);
  }

  /** Moves the pointer to a place in an element, given as shares of its size. */
  async hover(selector: string, share = 0.5): Promise<void> {
    const { x, y } = await this.#place(selector, share);
    await this.#mouse('mouseMoved', x, y, 0);
  }

  async drag(selector: string, from: number, to: number): Promise<void> {
    const [a, b] = [await this.#place(selector, from), await this.#place(selector, to)];
    await this.#mouse('mouseMoved', a.x, a.y, 0);
    await this.#mouse('mousePressed', a.x, a.y, 1);
    await this.#mouse('mouseMoved', (a.x + b.x) / 2, a.y, 1);
    await this.#mouse('mouseMoved', b.x, b.y, 1);
    await this.#mouse('mouseReleased', b.x, b.y, 0);
  }

  /** Presses a key such as "j", "Tab" or "ArrowDown". */
  async press(key: string): Promise<void> {
    const text = key.length === 1 ? { text: key } : {};
    const code = { windowsVirtualKeyCode: KEY_CODES[key] ?? key.toUpperCase().charCodeAt(0) };
    await this.send('Input.dispatchKeyEvent', {
      type: key.length === 1 ? 'keyDown' : 'rawKeyDown',
      key,
      ...text,
      ...code,
    });
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', key, ...code });
  }

  /** Chooses an option of a select element, as the keyboard would. */
  async choose(selector: string, value: string): Promise<void> {
    const target = JSON.stringify(selector);
    await this.value(
      `(() => { const e = document.querySelector(${target}); e.value = ${JSON.stringify(value)}; e.dispatchEvent(new Event('change', { bubbles: true })); })()`,
    );
  }

  /** Text into the element that has the focus. */
  async type(text: string): Promise<void> {
    await this.send('Input.insertText', { text });
  }

  /** A PNG of what is in sight, base64. */
  async screenshot(): Promise<string> {
    return (await this.send('Page.captureScreenshot', { format: 'png' })).data as string;
  }

  async close(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.#child.once('close', () => resolve()));
    this.#waiting.clear();
    // Its helpers are in its process group.
    if (this.#child.pid !== undefined && this.#child.exitCode === null) process.kill(-this.#child.pid, 'SIGKILL');
    await ended;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  async #place(selector: string, share: number): Promise<{ x: number; y: number }> {
    const { y } = await this.middle(selector);
    const box = (await this.value(
      `(() => { const r = document.querySelector(${JSON.stringify(selector)}).getBoundingClientRect(); return { left: r.left, width: r.width }; })()`,
    )) as { left: number; width: number };
    return { x: box.left + share * box.width, y };
  }

  async #mouse(type: string, x: number, y: number, buttons: number): Promise<void> {
    const button = type === 'mouseMoved' ? 'none' : 'left';
    await this.send('Input.dispatchMouseEvent', { type, x, y, button, buttons, clickCount: 1 });
  }

  #take({ id, method, params, result, error }: Message): void {
    if (id !== undefined) {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error !== undefined) waiting?.reject(new Error(error.message));
      else waiting?.resolve(result ?? {});
      return;
    }
    if (method === 'Runtime.exceptionThrown') this.complaints.push(JSON.stringify(params));
    if (method === 'Runtime.consoleAPICalled' && params?.type !== 'log') this.complaints.push(JSON.stringify(params));
    if (method === 'Log.entryAdded') {
      const { level, text } = (params as { entry: { level: string; text: string } }).entry;
      if (level === 'error' || level === 'warning') this.complaints.push(text);
    }
  }
}

const KEY_CODES: Readonly<Record<string, number>> = {
  Tab: 9,
  Enter: 13,
  Escape: 27,
  PageUp: 33,
  PageDown: 34,
  End: 35,
  Home: 36,
  ArrowLeft: 37,
  ArrowUp: 38,
  ArrowRight: 39,
  ArrowDown: 40,
  '/': 191,
};
