import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bundle, bundleSources } from './bundle-sources.ts';

let bundle: Bundle;
beforeAll(async () => {
  bundle = await bundleSources({
    crash: 'src/crash-handler.ts',
    record: 'src/run/crash-record.ts',
    errors: '../tensor/src/errors.ts',
  });
});
afterAll(() => bundle.remove());

const script = (debug: boolean, failure: string): string => `
import { exitOnCrash } from './crash.mjs';
import { ToolError } from './errors.mjs';
exitOnCrash({ err: (text) => process.stderr.write(text) }, { debug: ${debug} });
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

  it('leaves crash.json in the folder of a run, but not for what the user has to mend', async () => {
    const run = (failure: string) => `
import { recordCrashesIn } from './record.mjs';
${script(false, `recordCrashesIn(process.argv[2]); ${failure}`)}`;
    const { code } = await bundle.run(run(`Promise.reject(${LOST});`), [bundle.folder]);
    expect(code).toBe(75);
    const file = join(bundle.folder, 'crash.json');
    const crash = JSON.parse(readFileSync(file, 'utf8'));
    expect(crash).toMatchObject({ schema: 1, error: { name: 'ToolError', code: 'lost' } });
    expect(crash.error.stack).toContain('    at ');
    const config = LOST.replace("'lost'", "'config'");
    expect((await bundle.run(run(`Promise.reject(${config});`), [bundle.folder])).code).toBe(3);
    // The next start of a run takes the record of the one before away.
    expect(existsSync(file)).toBe(false);
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
