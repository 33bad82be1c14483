import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { renderReport } from '@dawngrad/eval';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pageScript } from '../../src/report/page-script.ts';
import { bigReport } from './big-report.ts';
import { ChromiumPage, findChromium } from './chromium-page.ts';

const chromium = findChromium();
const PROMPTS = 1250;
const SAMPLES = 16;
const COMPLETIONS = PROMPTS * SAMPLES;

describe.skipIf(chromium === undefined)('the report page in Chromium, with 20,000 completions', () => {
  let folder = '';
  let page: ChromiumPage;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dawngrad-page-'));
    const text = await renderReport(bigReport(PROMPTS, SAMPLES, 24), { script: await pageScript() });
    expect(text.length).toBeLessThan(25e6);
    writeFileSync(join(folder, 'report.html'), text);
    page = await ChromiumPage.open(chromium!);
    await page.resize(1200, 900);
    await page.visit(pathToFileURL(join(folder, 'report.html')).href);
  });
  afterAll(async () => {
    await page?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const text = async (selector: string): Promise<string> =>
    String(await page.value(`document.querySelector(${JSON.stringify(selector)})?.textContent ?? ''`));
  const number = async (expression: string): Promise<number> => Number(await page.value(expression));
  const count = (selector: string): Promise<number> =>
    number(`document.querySelectorAll(${JSON.stringify(selector)}).length`);
  const control = async (label: string): Promise<string> => {
    // A name for what a label holds, so that clicks and choices can reach it.
    await page.value(
      `for (const l of document.querySelectorAll('#browser label')) if (l.textContent.startsWith(${JSON.stringify(label)})) l.querySelector('select, input').dataset.named = ${JSON.stringify(label)}`,
    );
    return `[data-named=${JSON.stringify(label)}]`;
  };

  it('draws every chart, and holds only the rows in sight', async () => {
    expect(await count('[data-plot] .frame svg')).toBe(4);
    expect(await count('#curve-charts .frame svg')).toBe(2);
    expect(await text('#browser .count')).toBe('20,000 of 20,000 completions');
    expect(await count('#browser [role=option]')).toBeLessThan(40);
    await page.value(`document.querySelector('#completion-list').scrollTop = 54 * 19990`);
    await page.until(
      `document.querySelector('#browser [role=option]:last-child').getAttribute('aria-posinset') === '${COMPLETIONS}'`,
    );
    await page.value(`document.querySelector('#completion-list').scrollTop = 0`);
    await page.until(`document.querySelector('#browser [role=option]').getAttribute('aria-posinset') === '1'`);
  });

  it('shows hostile completions as text: nothing of them runs', async () => {
    const title = await page.value('document.title');
    await page.click('#browser [role=option]:nth-child(1)');
    await page.until(`document.querySelector('.tokens').textContent.startsWith('<script>')`);
    expect(await count('.tokens script, .tokens img')).toBe(0);
    expect(await text('.prompt')).toBe('question 0 <b>bold</b>');
    await page.press('j');
    await page.until(`document.querySelector('.tokens').textContent === '\u241b[2J\u241b]0;taken\u2407\u2400 end'`);
    await page.press('j');
    await page.until(
      `document.querySelector('.tokens').textContent === 'half \ufffd and \ufffd \u27e8202e\u27e9 reversed \u27e8200b\u27e9 hidden'`,
    );
    await page.press('j');
    await page.until(`document.querySelector('.trace').textContent.includes('of its 1,000,004 characters')`);
    expect(await page.value('document.title')).toBe(title);
  });

  it('filters by verdict, reward, disagreement, text and prompt, and sorts', async () => {
    const counted = async (): Promise<number> =>
      Number((await text('#browser .count')).split(' ')[0]!.replace(',', ''));
    const show = await control('Show');
    await page.choose(show, 'correct');
    const correct = await counted();
    await page.choose(show, 'wrong');
    expect(correct + (await counted())).toBe(COMPLETIONS);
    await page.choose(show, 'disagree');
    expect(await counted()).toBeGreaterThan(0);
    await page.choose(show, 'all');
    await page.choose(await control('First'), 'high');
    const best = Number((await text('#browser .row .number')).replace('−', '-'));
    await page.choose(await control('First'), 'low');
    expect(Number((await text('#browser .row .number')).replace('−', '-'))).toBeLessThan(best);
    await page.choose(await control('First'), 'file');
    await page.click(await control('Reward from'));
    await page.type('0.9');
    const some = await counted();
    expect(some).toBeGreaterThan(0);
    expect(some).toBeLessThan(correct);
    await page.value(
      `document.querySelector('.bound').value = ''; document.querySelector('.bound').dispatchEvent(new Event('input'))`,
    );
    await page.value('document.activeElement.blur()');
    await page.press('/');
    await page.type('question 77 <B>');
    await page.until(`document.querySelector('#browser .count').textContent.startsWith('16 of')`);
    await page.value(
      `document.querySelector('#search').value = ''; document.querySelector('#search').dispatchEvent(new Event('input'))`,
    );
    await page.until(`document.querySelector('#browser .count').textContent.startsWith('20,000 of')`);
    await page.value('document.activeElement.blur()');
  });

  it('colours tokens by the signal asked for, and tells the value under the pointer and under the arrow keys', async () => {
    await page.value(`document.querySelector('#completion-list').focus()`);
    await page.press('End');
    await page.until(`document.querySelectorAll('.tokens span').length === 24`);
    const classes = (): Promise<unknown> =>
      page.value(
        `[...document.querySelectorAll('.tokens span')].map((e) => e.className.replace('current', '')).join()`,
      );
    const byReward = await classes();
    expect(byReward).toMatch(/(high|low)\d/);
    expect(await count('.tokens .fall')).toBe(1);
    expect(await count('.tokens .forced')).toBe(1);
    await page.hover('.tokens span:nth-child(3)');
    await page.until(`document.querySelector('#token-readout').textContent.startsWith('token 3 of 24: reward ')`);
    await page.choose(await control('Colour by'), 'logprob');
    await page.until(`document.querySelector('#browser .legend').textContent.startsWith('log-probability')`);
    await page.until(
      `document.querySelectorAll('.tokens .low8, .tokens .low7').length > 0 && document.querySelector('.tokens [class*=high]') === null`,
    );
    expect(await classes()).not.toBe(byReward);
    await page.value(`document.querySelector('.tokens').focus()`);
    await page.press('Home');
    await page.press('ArrowRight');
    expect(await text('#token-readout')).toMatch(/^token 2 of 24: reward \S+, log-probability \S+$/);
    await page.choose(await control('Colour by'), 'reward');
  });

  it('zooms a chart by dragging and by keys, smooths, and hides a run', async () => {
    const frame = '#curve-charts figure:nth-child(1) .frame';
    const ticks = (): Promise<unknown> =>
      page.value(`[...document.querySelectorAll(${JSON.stringify(`${frame} text`)})].map((e) => e.textContent).join()`);
    const whole = await ticks();
    await page.hover(frame, 0.5);
    expect(await text('#curve-charts .readout')).toMatch(/^step \d+: runs\/one \S+, runs\/two \S+$/);
    await page.drag(frame, 0.4, 0.6);
    expect(await ticks()).not.toBe(whole);
    await page.value(`document.querySelector(${JSON.stringify(frame)}).focus()`);
    await page.press('0');
    expect(await ticks()).toBe(whole);
    await page.press('End');
    expect(await text('#curve-charts .readout')).toMatch(/^step 199: /);
    await page.press('+');
    expect(await ticks()).not.toBe(whole);
    await page.press('Escape');
    const paths = await count(`${frame} path`);
    await page.click('#curve-controls fieldset label:nth-of-type(2) input');
    expect(await count(`${frame} path`)).toBeLessThan(paths);
    await page.click('#curve-controls fieldset label:nth-of-type(2) input');
    await page.click('#log-axis');
    expect(await ticks()).not.toBe(whole);
    await page.click('#log-axis');
    await page.choose('#curve-charts select', 'lr');
    expect(await count('#curve-charts .frame svg')).toBe(3);
  });

  it('moves the threshold of the reward', async () => {
    const before = await text('.confusion tbody');
    await page.value(`document.querySelector('#threshold-0').focus()`);
    await page.press('Home');
    expect(await text('.confusion tbody')).not.toBe(before);
    expect(await text('.confusion tbody tr:first-child td:nth-child(2)')).toMatch(/\(100\.0 %\)$/);
  });

  it('is not wider than a phone, and is dark where the reader wants it', async () => {
    await page.resize(360, 740, 'dark');
    await page.until(`document.querySelector('[data-plot] .frame svg').clientWidth < 360`);
    const wide = `[...document.querySelectorAll('main *')].filter((e) => e.getBoundingClientRect().right > 361 && !e.closest('.scroll, .frame, pre')).map((e) => e.tagName + '.' + e.className).join(' ')`;
    expect(await page.value(wide)).toBe('');
    expect(await number('document.documentElement.scrollWidth')).toBe(360);
    expect(await page.value('getComputedStyle(document.body).backgroundColor')).toBe('rgb(23, 23, 22)');
    await page.resize(1200, 900, 'light');
    expect(await page.value('getComputedStyle(document.body).backgroundColor')).toBe('rgb(255, 254, 251)');
  });

  it('gives every control and chart a name for screen readers', async () => {
    const { nodes } = (await page.send('Accessibility.getFullAXTree')) as {
      nodes: { ignored: boolean; role?: { value: string }; name?: { value: string } }[];
    };
    const wanted = new Set([
      'button',
      'combobox',
      'searchbox',
      'spinbutton',
      'slider',
      'checkbox',
      'listbox',
      'application',
    ]);
    const controls = nodes.filter(({ ignored, role }) => !ignored && wanted.has(role?.value ?? ''));
    expect(controls.length).toBeGreaterThan(15);
    expect(controls.filter(({ name }) => (name?.value ?? '').trim() === '')).toEqual([]);
  });

  it('is used by the keyboard alone: tab reaches the list and every control', async () => {
    await page.value('document.activeElement.blur(); window.getSelection().removeAllRanges()');
    const reached = new Set<string>();
    for (let i = 0; i < 70; i++) {
      await page.press('Tab');
      reached.add(
        String(
          await page.value(
            `(document.activeElement.id || document.activeElement.className || document.activeElement.tagName)`,
          ),
        ),
      );
    }
    for (const name of ['skip', 'frame', 'smoothing', 'log-axis', 'search', 'completion-list', 'tokens']) {
      expect([...reached]).toContain(name);
    }
  });

  it('breaks no policy and complains of nothing', () => {
    expect(page.complaints).toEqual([]);
  });
});
