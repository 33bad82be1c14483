import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { METRICS } from '@dawngrad/airl';
import { describe, expect, it } from 'vitest';
import { runMain } from '../run-main.ts';

describe('dawngrad metrics', () => {
  it('explains a metric: unit, meaning, healthy range, alarm and what to do', async () => {
    const { code, out } = await runMain('metrics', 'frac_reward_zero_std');
    expect(code).toBe(0);
    expect(out.split('\n').slice(0, 4)).toEqual([
      'frac_reward_zero_std (fraction)',
      '  groups whose rewards are all equal, which give no signal',
      '  healthy: 0 to 0.8',
      '  alarm: above 0.8, 20 rows in a row',
    ]);
    expect(out).toMatch(/ {2}then: .*sampling\.group_size/);
  });

  it('takes the first part of keys, and prints JSON', async () => {
    const { out } = await runMain('metrics', 'mem', 'kl', 'mem/peak_bytes', '--json');
    expect(JSON.parse(out).map(({ key }: { key: string }) => key)).toEqual(['mem/live_bytes', 'mem/peak_bytes', 'kl']);
    const all = JSON.parse((await runMain('metrics', '--json')).out);
    expect(all.map(({ key }: { key: string }) => key)).toEqual(Object.keys(METRICS));
  });

  it('refuses a key that is of no metric, and names the nearest', async () => {
    const { code, out, err } = await runMain('metrics', 'disc/acc_expart');
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('did you mean disc/acc_expert?');
  });
});

it('docs/metrics.md is what the dictionary says', async () => {
  const page = readFileSync(resolve(import.meta.dirname, '../../../../docs/metrics.md'), 'utf8');
  expect(page, 'write it with: npm run dawngrad -- metrics --markdown > docs/metrics.md').toBe(
    (await runMain('metrics', '--markdown')).out,
  );
});
