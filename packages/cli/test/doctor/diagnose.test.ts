import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Diagnosis, diagnose } from '../../src/doctor/diagnose.ts';
import { diagnosisText } from '../../src/doctor/diagnosis-text.ts';
import { type Bundle, bundleSources } from '../bundle-sources.ts';

let bundle: Bundle;
let here: Diagnosis;
beforeAll(async () => {
  bundle = await bundleSources({ main: 'src/main.ts' });
  here = await diagnose(tmpdir());
});
afterAll(() => bundle.remove());

const DOCTOR = `import { main } from './main.mjs'; process.exitCode = await main(['doctor', ...process.argv.slice(2)]);`;

describe('diagnose', () => {
  it('finds the device of this process fit for training', () => {
    expect(here.problems).toEqual([]);
    expect(here.canTrain).toBe(true);
    expect(here.selfTest).toHaveLength(5);
    expect(here.device?.limits.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(2 ** 27);
    expect(here.disk.freeBytes).toBeGreaterThan(0);
  });

  it("refuses Dawn's null backend", async () => {
    const { canTrain, problems, device } = await diagnose(tmpdir(), ['backend=null']);
    expect(canTrain).toBe(false);
    expect(device).toBeNull();
    expect(problems[0]).toContain('null backend');
  });
});

describe('diagnosisText', () => {
  it('names adapter, driver, limits, self-test and disk, and gives a verdict', () => {
    const text = diagnosisText(here);
    for (const label of ['node', 'dawn', 'adapter', 'features', 'limits', 'driver', 'self-test', 'disk', 'memory']) {
      expect(text).toMatch(new RegExp(`^${label} `, 'm'));
    }
    expect(text).toContain(here.device?.adapter.description);
    expect(text).toContain('passed  known answer: 42*i');
    expect(text).toMatch(/\nTraining can run on this machine\.\n$/);
  });

  it('says why a driver was taken and others were not', () => {
    const rejected = [{ kind: 'hardware adapter', reason: 'Dawn finds no adapter' }];
    const text = diagnosisText({ ...here, driver: { kind: 'lavapipe', name: 'x', reason: 'works', rejected } });
    expect(text).toContain('driver      lavapipe: works\n            not hardware adapter: Dawn finds no adapter\n');
  });

  it('lists what is wrong, and lets no escape sequence of a driver through', () => {
    const text = diagnosisText({ ...here, canTrain: false, device: null, problems: ['a\u001b[2Jb'] });
    expect(text).toContain('adapter     none that works');
    expect(text).toContain('problem     a[2Jb\nTraining cannot run on this machine.');
  });
});

describe('dawngrad doctor', () => {
  it('prints JSON and exits with 0 where training can run', async () => {
    const { code, stdout } = await bundle.run(DOCTOR, ['--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ schema: 1, canTrain: true, dawn: here.dawn, node: process.version });
  });

  // Elsewhere Dawn does not need Vulkan.
  it.skipIf(process.platform !== 'linux')('exits with 1 and says so where there is no adapter', async () => {
    const driver = JSON.stringify({ kind: 'none', name: '', reason: 'Install a Vulkan driver.', rejected: [] });
    // Set inside the process, since the launcher's executable sets its own.
    const script = `Object.assign(process.env, { VK_DRIVER_FILES: '/none.json', VK_ICD_FILENAMES: '/none.json' });
      process.env.DAWNGRAD_DRIVER = ${JSON.stringify(driver)};
      ${DOCTOR.replace("import { main } from './main.mjs'", "const { main } = await import('./main.mjs')")}`;
    const { code, stdout } = await bundle.run(script);
    expect(code).toBe(1);
    expect(stdout).toContain('driver      none\n');
    expect(stdout).toContain('problem     Install a Vulkan driver.\n');
    expect(stdout).toMatch(/Training cannot run on this machine\.\n$/);
  });
});
