import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bundle, bundleSources } from './bundle-sources.ts';

let bundle: Bundle;
beforeAll(async () => {
  bundle = await bundleSources({ stop: 'src/stop-request.ts' });
});
afterAll(() => bundle.remove());

/** A run of many short steps that saves at its end, as trainers do. */
const TRAINER = `
import { listenForStop } from './stop.mjs';
const stop = listenForStop((text) => console.error(text));
let step = 0;
while (!stop.isRequested && step < 1000) {
  await new Promise((resolve) => setTimeout(resolve, 10));
  step++;
  console.log('step ' + step + '.');
}
console.log('saved at ' + step);
stop[Symbol.dispose ?? Symbol.for('Symbol.dispose')]?.();
process.exitCode = stop.exitCode;
`;

/** A step that does not end: only a second signal gets out. */
const STUCK = `
import { listenForStop } from './stop.mjs';
listenForStop((text) => console.error(text));
console.log('started');
await new Promise((resolve) => setTimeout(resolve, 60_000));
console.log('saved');
`;

describe('listenForStop', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('on %s lets the run save and exit with %i', async (signal, code) => {
    const result = await bundle.run(TRAINER, [], { signals: [{ after: 'step 3.', signal }] });
    expect(result.code).toBe(code);
    expect(result.stdout).toMatch(/saved at \d+\n$/);
    expect(result.stderr).toBe(`${signal}: finishing this step and saving; once more ends without saving.\n`);
    expect(Number(/saved at (\d+)/.exec(result.stdout)?.[1])).toBeLessThan(1000);
  });

  it('ends at once on a second signal', async () => {
    const result = await bundle.run(STUCK, [], {
      signals: [
        { after: 'started', signal: 'SIGINT' },
        { after: 'once more', signal: 'SIGINT' },
      ],
    });
    expect(result.code).toBe(130);
    expect(result.stdout).not.toContain('saved');
  });

  it('ends without saving where the seconds after SIGTERM are over, not before', async () => {
    const late = STUCK.replace('console.error(text))', 'console.error(text), { graceS: 0.2 })');
    const result = await bundle.run(late, [], { signals: [{ after: 'started', signal: 'SIGTERM' }] });
    expect(result.code).toBe(143);
    expect(result.stdout).not.toContain('saved');
    expect(result.stderr).toMatch(
      /finishing this step and saving within 0\.2 s;.*\n.*0\.2 s are over; ending without saving/,
    );
    const inTime = TRAINER.replace('console.error(text))', 'console.error(text), { graceS: 20 })');
    const saved = await bundle.run(inTime, [], { signals: [{ after: 'step 3.', signal: 'SIGTERM' }] });
    expect(saved.code).toBe(143);
    expect(saved.stdout).toMatch(/saved at \d+\n$/);
  });

  it('does not end a run when the terminal closes', async () => {
    const result = await bundle.run(TRAINER, [], {
      signals: [
        { after: 'step 2.', signal: 'SIGHUP' },
        { after: 'step 6.', signal: 'SIGINT' },
      ],
    });
    expect(result.code).toBe(130);
    expect(result.stdout).toContain('step 6.');
  });

  it('exits with 0 when nothing was asked', async () => {
    const script = `import { listenForStop } from './stop.mjs'; process.exitCode = listenForStop(() => {}).exitCode; process.exit();`;
    expect((await bundle.run(script)).code).toBe(0);
  });
});
