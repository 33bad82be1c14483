import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type ReportCompletion, type ReportInput, renderReport } from '@dawngrad/eval';
import { build } from 'esbuild';
import type { Job } from '../job.ts';
import type { Finding } from '../row.ts';
import { summarise } from '../statistics.ts';
import { uniformValues } from '../values.ts';
import { findChromium, openTime } from './open-time.ts';

const COMPLETIONS = 20_000;
const SAMPLES = 16;
const TOKENS = 150;
const WORDS = ['so ', 'then ', 'we ', 'have ', '12 ', '= ', '4 ', '+ ', 'apples ', 'each ', 'of ', 'the '];

/** Completions of the length of GSM8K's. Token values are noise, which packs worst. */
function drawnCompletions(): ReportCompletion[] {
  const draws = uniformValues(COMPLETIONS * (2 + 3 * TOKENS), 1);
  let next = 0;
  const uniform = (): number => draws[next++]! + 0.5;
  return Array.from({ length: COMPLETIONS }, (_, at) => {
    const correct = uniform() < 0.5;
    const base = (correct ? 0.5 : -0.5) + uniform();
    const pieces = Array.from({ length: TOKENS }, () => WORDS[Math.floor(WORDS.length * uniform()) % WORDS.length]!);
    return {
      prompt: `Question ${Math.floor(at / SAMPLES)}: how many apples are there?`,
      place: at % SAMPLES,
      pieces,
      text: pieces.join(''),
      rewards: pieces.map(() => base + uniform()),
      logprobs: pieces.map(() => -uniform()),
      advantages: null,
      forced: [],
      correct,
      gold: '4',
      answer: correct ? '4' : '5',
      score: base,
    };
  });
}

/** Writing a page of many completions, and opening it. No device. */
export const reportJob: Job = {
  suite: 'eval',
  name: `report of ${COMPLETIONS} completions`,
  isQuick: false,
  isLarge: false,
  run: async ({ note }) => {
    const { outputFiles } = await build({
      entryPoints: [fileURLToPath(new URL('../../../packages/eval/page/main.ts', import.meta.url))],
      bundle: true,
      write: false,
      minify: true,
      format: 'iife',
      target: 'es2023',
      charset: 'ascii',
    });
    const script = outputFiles[0]?.text ?? '';
    const completions = drawnCompletions();
    const input: ReportInput = {
      title: 'bench',
      runs: [],
      summary: { schema: 2, bootstrap: null, results: [], rerank: [] },
      stages: [],
      sections: [],
      difference: null,
      completions: [{ name: 'policy', completions, leftOut: 0, withoutTokens: null }],
      missing: {},
      notes: [],
    };
    const writing: number[] = [];
    let page = '';
    for (let run = 0; run < 3; run++) {
      const start = performance.now();
      page = await renderReport(input, { script });
      writing.push(performance.now() - start);
    }
    const row = (name: string, times: readonly number[]): Finding => ({
      name: `${reportJob.name}: ${name}`,
      params: { completions: COMPLETIONS, tokens: TOKENS },
      library: 'dawngrad',
      time: summarise(times),
      work: { flops: 0, bytes: page.length },
      details: { page_megabytes: page.length / 1e6 },
    });
    const chromium = findChromium();
    if (chromium === undefined) {
      note('the report is not opened: there is no Chromium');
      return [row('writing', writing)];
    }
    const folder = mkdtempSync(join(tmpdir(), 'dawngrad-bench-report-'));
    try {
      const file = join(folder, 'report.html');
      writeFileSync(file, page);
      const opening: number[] = [];
      for (let run = 0; run < 5; run++) opening.push(await openTime(chromium, pathToFileURL(file).href));
      return [row('writing', writing), row('opening in Chromium', opening)];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
