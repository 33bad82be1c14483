import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bundle, bundleSources } from './bundle-sources.ts';

let bundle: Bundle;
beforeAll(async () => {
  bundle = await bundleSources({ crash: 'src/crash-handler.ts', errors: '../tensor/src/errors.ts' });
});
afterAll(() => bundle.remove());

const script = (debug: boolean, failure: string): string => `
import { exitOnCrash } from './crash.mjs';
import { ToolError } from './errors.mjs';
exitOnCrash({ err: (text) => process.stderr.write(text) }, ${debug});
setTimeout(() => console.log('went on'), 2000);
${failure}
`;
const LOST = `new ToolError('lost', { op: 'device', expected: 'a working device', got: 'a lost device' })`;

describe('exitOnCrash', () => {
  it('exits with 75 when the device is lost between two steps', async () => {
    const { code, stdout, stderr } = await bundle.run(script(false, `Promise.reject(${LOST});`));
    expect(code).toBe(75);
    expect(stdout).toBe('');
    expect(stderr).toBe('device: expected a working device, got a lost device.\n');
  });

  it('exits with 1 on an error that nobody foresaw, its stack only with --debug', async () => {
    const failure = `setTimeout(() => { null.x; }, 1);`;
    const quiet = await bundle.run(script(false, failure));
    expect(quiet.code).toBe(1);
    expect(quiet.stderr).toMatch(/^TypeError: Cannot read .*\nThis is a bug of dawngrad\. Hint: .*--debug.*\n$/);
    const loud = await bundle.run(script(true, failure));
    expect(loud.code).toBe(1);
    expect(loud.stderr).toContain('    at ');
  });
});
