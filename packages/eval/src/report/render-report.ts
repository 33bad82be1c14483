import { bestThreshold, packCompletions } from './completion-blocks.ts';
import { type Html, html, markup } from './html.ts';
import { contentHash, pack } from './pack.ts';
import type { Confusion, PageData } from './page-data.ts';
import { bestOfPlot, passAtKPlot, reliabilityPlot, rewardPlot } from './plots.ts';
import { reportBody } from './report-body.ts';
import type { ReportInput } from './report-input.ts';
import { pageStages } from './stages.ts';
import { styleSheet } from './style.ts';

export interface RenderOptions {
  /** The page's own script, bundled. */
  readonly script: string;
  /** Bytes that completions may take in the page. */
  readonly completionBytes?: number;
  /** Whether the page asks the server it came from for newer data. */
  readonly isLive?: boolean;
}

/** A page stays below 25 MB: mail and chat programs take it, and a phone opens it. */
const COMPLETION_BYTES = 22_000_000;

/**
 * The report as one page that loads nothing; equal input gives equal bytes. Its policy allows the one script and
 * the one style sheet that are in it, and nothing else.
 */
export async function renderReport(
  input: ReportInput,
  { script, completionBytes = COMPLETION_BYTES, isLive = false }: RenderOptions,
): Promise<string> {
  const style = styleSheet();
  const packed = await packCompletions(
    input.completions,
    input.runs.map(({ name }) => name),
    completionBytes,
  );
  const data: PageData = {
    plots: plotsOf(input),
    stages: pageStages(input.stages),
    confusions: confusionsOf(input),
    completions: packed.index,
  };
  const policy = [
    "default-src 'none'",
    `script-src ${await contentHash(script)}`,
    `style-src ${await contentHash(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
    ...(isLive ? ["connect-src 'self'"] : []),
  ].join('; ');
  const json = new TextEncoder().encode(JSON.stringify(data));
  const blocks: Html[] = packed.blocks.map(
    (block) => html`<script type="application/octet-stream" data-block>${markup(block)}</script>
`,
  );
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${markup(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${input.title}</title>
<style>${markup(style)}</style></head>
<body${isLive ? markup(' data-live') : null}>${reportBody(input, data)}
<div id="data" hidden>
<script type="application/octet-stream" id="page-data">${markup(await pack(new Uint8Array(json)))}</script>
${blocks}</div>
<script>${markup(script)}</script>
</body></html>
`;
  return page.markup;
}

function plotsOf({ summary, sections }: ReportInput): PageData['plots'] {
  const plots: Record<string, PageData['plots'][string]> = {};
  if (summary.results.length > 0) plots.pass = passAtKPlot(summary.results);
  summary.rerank.forEach(({ policy, bestOfN, rewards, calibration }, i) => {
    plots[`best-${i}`] = bestOfPlot(policy, bestOfN);
    const histogram = rewardPlot(policy, rewards);
    if (histogram !== null) plots[`rewards-${i}`] = histogram;
    if (calibration !== null) plots[`reliability-${i}`] = reliabilityPlot(policy, calibration);
  });
  sections.forEach((section, i) => {
    section.plots?.forEach(({ plot }, j) => {
      plots[`part-${i}-${j}`] = plot;
    });
  });
  return plots;
}

function confusionsOf({ summary }: ReportInput): Confusion[] {
  return summary.rerank.flatMap(({ policy, rewards }) => {
    const scored = [
      ...rewards.correct.map((score) => ({ score, correct: true })),
      ...rewards.wrong.map((score) => ({ score, correct: false })),
    ];
    const threshold = bestThreshold(scored);
    const ascending = (values: readonly number[]): number[] =>
      values.map((value) => Number(value.toPrecision(5))).sort((a, b) => a - b);
    if (threshold === null) return [];
    return [{ name: policy, correct: ascending(rewards.correct), wrong: ascending(rewards.wrong), threshold }];
  });
}
