import { fileURLToPath } from 'node:url';
import { openDevice } from '@dawngrad/tensor/node';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { findChromium, runInChromium } from './chromium.ts';
import { trainSmallModel } from './small-training.ts';

const STEPS = 8;
const chromium = findChromium();

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./browser-page.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    conditions: ['dawngrad-source'],
    // Nothing of Node may be in it: esbuild refuses `node:` imports for a browser.
    logLevel: 'silent',
  });
  return outputFiles[0]!.text;
}

describe('tensor, autograd and models in a browser', () => {
  it('bundle without anything of Node', async () => {
    const text = await bundle();
    expect(text).toContain('requestAdapter');
    expect(text).not.toMatch(/\b(?:from|import)\s*\(?["']node:/);
  });

  it.skipIf(chromium === undefined)(
    'train a small model in headless Chromium as in Node: the same losses',
    async () => {
      const page = await runInChromium(chromium!, await bundle(), `steps=${STEPS}`, 90_000);
      expect(page.error).toBeUndefined();
      for (const { name, outcome, detail } of page.checks as { name: string; outcome: string; detail: string }[]) {
        expect(outcome, `${name}: ${detail}`).not.toBe('failed');
      }
      expect(page.left).toBe(0);
      const device = await openDevice();
      const expected = await trainSmallModel(device, STEPS);
      device.close();
      const losses = page.losses as number[];
      expect(losses).toHaveLength(STEPS);
      expect(losses[STEPS - 1]!).toBeLessThan(losses[0]! - 0.3);
      losses.forEach((loss, step) => {
        // Two adapters round differently, and Adam's first steps amplify that a little.
        expect(Math.abs(loss - expected[step]!), `step ${step}: ${loss}, in Node ${expected[step]}`).toBeLessThan(1e-4);
      });
    },
    120_000,
  );
});
