import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { renderReport } from '@dawngrad/eval';
import { afterAll, describe, expect, it } from 'vitest';
import { CLAIM_RULES } from '../../../src/study/report/claims.ts';
import { COLLAPSE_RULE } from '../../../src/study/report/collapse.ts';
import { HACKING_RULE } from '../../../src/study/report/reward-hacking.ts';
import { studyMarkdown } from '../../../src/study/report/study-markdown.ts';
import { studyPage } from '../../../src/study/report/study-page.ts';
import { type StudyReport, studyReport } from '../../../src/study/report/study-report.ts';
import { TARGET_RULE } from '../../../src/study/report/targets.ts';
import { writeStudyReport } from '../../../src/study/report/write-study-report.ts';
import { studySettings } from '../../../src/study/study-settings.ts';
import { CONSTRUCTED_PARTS, constructedSeed, soundSeed } from './constructed-measures.ts';

const SEEDS = [11, 12, 13];

function wholeReport(command = 'dawngrad study', rename = (name: string): string => name): StudyReport {
  const measures = SEEDS.flatMap((seed, i) => {
    const sound = soundSeed(seed, (i - 1) / 100);
    const pass = Object.fromEntries(Object.entries(sound.pass).map(([name, share]) => [rename(name), share]));
    const fudged = { sft: 0.05, 'irl-interval': 0.4 };
    const rewards = { 'irl-interval': [-1, 1] } as const;
    return [constructedSeed({ ...sound, pass }), constructedSeed({ ...sound, setting: 'open', fudged, rewards })];
  });
  const settings = studySettings({ size: 'full', seeds: SEEDS, settings: ['tool', 'open'] });
  return studyReport({ measures, settings, parts: CONSTRUCTED_PARTS, command });
}

const report = wholeReport();
const folder = mkdtempSync(join(tmpdir(), 'dawngrad-study-report-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the report of a study', () => {
  it('is study.json with every estimate, report.md with its figures beside it, and the page', async () => {
    const files = await writeStudyReport(folder, report);
    expect(files.map((file) => file.slice(folder.length + 1)).slice(-3)).toEqual([
      'study.json',
      'report.md',
      'report.html',
    ]);
    const json = JSON.parse(readFileSync(join(folder, 'study.json'), 'utf8')) as StudyReport;
    expect(json).toEqual(report);
    const interval = json.results[0]!.policies.find(({ name }) => name === 'irl-interval')!;
    expect(interval.passAt1[0]!.minusSft).toMatchObject({ seeds: 3, n: 120, over: 'seeds' });
    const text = readFileSync(join(folder, 'report.md'), 'utf8');
    const links = [...text.matchAll(/!\[[^\]]*\]\(([^)]*)\)/g)].map(([, path]) => path!);
    expect(links).toHaveLength(6);
    for (const link of links) expect(readFileSync(join(folder, link), 'utf8')).toMatch(/^<svg/);
  });

  it('in Markdown has the claims, the targets, the hack by its name, every table and the cost', () => {
    const text = studyMarkdown(report, []);
    expect(text).toContain('- A reward learned from expert traces trains better than SFT on the same traces: holds.');
    expect(text).toContain('Setting O: Reward hacking: the policy writes r = v whatever rule(g) is.');
    for (const title of [
      'The three claims',
      'What was to be reached',
      'Reward hacking in setting O',
      'Training, setting T',
      'Best of N, setting T',
      'First wrong step, setting T',
      'Variants, setting T',
      'Longer chains, setting T',
      'Stability, setting T',
      'Training, setting O',
      'Cost',
    ]) {
      expect(text).toContain(`\n## ${title}\n`);
    }
    expect(text).toMatch(/\| R-AIRL interval +\| +69\.0 \[66\.5, 71\.5\] \| +\+13\.0 \[\+10\.5, \+15\.5\] \|/);
    expect(text).toMatch(/\| R-AIRL interval, relabelled \| R-AIRL interval \| +55\.0/);
    expect(text).toMatch(/first wrong line found by the largest drop.*\| critic interval \| +72\.0 .*\| +72\.0/s);
    expect(text).not.toMatch(/\b12\.3\b/);
    expect(text).toMatch(/\| all +\| +2 \| +3\.00e12 \| +4\.3 \| +2\.8 \|/);
    // Columns are aligned: all lines of a table are of one length.
    for (const table of text.matchAll(/(?:^\|.*\|\n)+/gm)) {
      expect(
        new Set(
          table[0]
            .trim()
            .split('\n')
            .map((line) => [...line].length),
        ).size,
      ).toBe(1);
    }
  });

  it('lets no name become markup', async () => {
    const attack = '<img src=x>|[a](http://b)`*_\n# h ![i](j)\u202e';
    const hostile = wholeReport(attack, (name) => (name === 'irl-dense' ? `irl-${attack}` : name));
    const text = studyMarkdown(hostile, []);
    expect(text).not.toMatch(/(?<!\\)<img/);
    expect(text).not.toMatch(/(?<!\\)\]\(/);
    expect(text).not.toContain('http://');
    expect(text).not.toMatch(/\n# h/);
    expect(text).not.toContain('\u202e');
    expect(text).toContain('irl-\\<img src=x\\>\\|[a\\](http:\\/\\/b)\\`\\*\\_ # h \\![i\\](j)');
    const page = await renderReport(studyPage(hostile), { script: '0' });
    expect(page).not.toContain('<img');
  });

  it('on a page has charts of its own and not the parts that a study does not have', async () => {
    const page = await renderReport(studyPage(report), { script: '0' });
    const headings = [...page.matchAll(/<h2[^>]*>([^<]*)<\/h2>/g)].map((match) => match[1]);
    expect(headings).toContain('Reward hacking in setting O');
    expect(headings).not.toContain('Completions');
    expect(page.match(/data-plot=/g)).toHaveLength(4);
  });

  it('of one quick seed leaves out what was not measured and says that one seed tells nothing across seeds', () => {
    const { pass, rerank, natural } = soundSeed(11);
    const quick = studyReport({
      measures: [
        {
          ...constructedSeed({
            seed: 11,
            pass: { base: pass.base!, sft: pass.sft!, grpo: pass.grpo!, 'irl-interval': pass['irl-interval']! },
            rerank: rerank!,
            natural: natural!,
          }),
          longer: [],
        },
      ],
      settings: studySettings({ size: 'quick', seeds: [11], settings: ['tool'] }),
      parts: [],
      command: 'dawngrad study --quick',
    });
    expect(quick.claims.map(({ verdict }) => verdict)).toEqual(Array(3).fill('cannot be told'));
    expect(quick.hacking).toBeNull();
    const text = studyMarkdown(quick, []);
    expect(text).toContain('One seed: nothing can be told across seeds.');
    expect(text).not.toContain('Longer chains');
    expect(text).not.toContain('setting O\n');
    expect(text).not.toMatch(/NaN|undefined|Infinity/);
    const interval = quick.results[0]!.policies.find(({ name }) => name === 'irl-interval')!.passAt1[0]!;
    expect(interval.minusSft).toMatchObject({ over: 'problems', seeds: 1, n: 40 });
  });

  it('is written with nothing measured, and of a study that is not whole', () => {
    const settings = studySettings({ size: 'full', seeds: SEEDS, settings: ['tool', 'open'] });
    const empty = studyReport({ measures: [], settings, parts: [], command: 'x' });
    expect(studyMarkdown(empty, [])).not.toMatch(/NaN|undefined|Infinity/);
    const partial = studyReport({ measures: [constructedSeed(soundSeed(11))], settings, parts: [], command: 'x' });
    expect(partial.notes[0]).toBe(
      'Measured by now: 1 of 3 seeds in setting T, 0 of 3 seeds in setting O. A seed counts once all of its parts are done, but for those of an arm whose training failed.',
    );
    expect(studyPage(partial).runs[0]!.state).toBe('running');
  });

  it('names the trainings that failed, in a study that is whole all the same', () => {
    const { 'irl-step': _, ...pass } = soundSeed(12).pass;
    const failed = ['grpo', 'irl-step'].map((arm) => ({ arm, message: 'step 7: expected finite gradients, got NaN' }));
    const found = studyReport({
      measures: [constructedSeed(soundSeed(11)), constructedSeed({ ...soundSeed(12), pass, failed })],
      settings: studySettings({ size: 'full', seeds: [11, 12], settings: ['tool'] }),
      parts: [],
      command: 'x',
    });
    expect(found.isWhole).toBe(true);
    expect(found.notes[0]).toContain('GRPO (outcome reward), seed 12, setting T (step 7: expected finite gradients');
    const text = studyMarkdown(found, []);
    expect(text).toContain('Collapsed: R-AIRL step on seed 12 (training failed: step 7: expected finite gradients');
    expect(text).toMatch(/\| R-AIRL step +\| +68\.0 \[.*?\] \(1 seed\)/);
  });

  it('is decided by the rules that docs/study.md tells', () => {
    const docs = readFileSync(new URL('../../../../../docs/study.md', import.meta.url), 'utf8').replace(/\s+/g, ' ');
    for (const rule of [...Object.values(CLAIM_RULES), COLLAPSE_RULE, HACKING_RULE, TARGET_RULE]) {
      expect(docs).toContain(rule);
    }
  });
});
