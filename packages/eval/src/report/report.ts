import type { Estimate } from '../stats/estimate.ts';
import { bestOfChart, curveChart, passAtKChart, rewardChart } from './chart.ts';
import { completionsHtml, type ReportCompletion } from './completions.ts';
import {
  formatDuration,
  formatEstimate,
  formatInterval,
  formatPercent,
  formatPoints,
  NOT_AVAILABLE,
} from './format.ts';
import { GLOSSARY } from './glossary.ts';
import { Html, html } from './html.ts';
import { styleSheet } from './style.ts';
import type { ReportSummary, Rerank, ResultRow } from './summarise.ts';
import { RANKER_LABELS } from './summary-tables.ts';

/** What was run, so that a reader can run it again. */
export interface ReportRun {
  readonly command: string;
  /** The resolved configuration as text. */
  readonly config: string;
  readonly model: string;
  readonly data: string;
  readonly seed: number;
  readonly adapter: string;
  readonly driver: string;
  readonly commit: string;
  readonly wallSeconds?: number;
}

/**
 * What a reader must know to judge an R-AIRL result. A run is verifier-free only when the checker had
 * no part in its reward, its labels or the choice of its checkpoint.
 */
export interface ReportMethod {
  readonly granularity: 'sparse' | 'step' | 'interval' | 'dense';
  readonly credit: 'sequence' | 'segment' | 'token';
  /** Where a programmatic checker entered the training of R-AIRL. */
  readonly checkerUse: readonly ('reward' | 'relabelling' | 'selection')[];
  /** How the evaluated checkpoint was chosen, for instance "last checkpoint". */
  readonly selection: string;
}

export interface ReportInput extends ReportSummary {
  readonly title: string;
  readonly run: ReportRun;
  /** Null when no critic was trained. */
  readonly method: ReportMethod | null;
  readonly completions: readonly ReportCompletion[];
  /** Further remarks, a sentence each. */
  readonly notes: readonly string[];
}

/** The report as one page without scripts or outside resources; equal input gives equal bytes. */
export async function renderReport(input: ReportInput): Promise<string> {
  const passChart = input.results.length > 0 ? new Html(await passAtKChart(input.results)) : null;
  const rerank = await Promise.all(input.rerank.map(rerankHtml));
  const stages = await Promise.all(
    input.stages
      .filter((stage) => stage.curves.length > 0)
      .map(async (stage) => {
        const charts = await Promise.all(
          stage.curves.map(async (curve) =>
            figure(await curveChart(curve), curve.label, `${stage.name}: ${curve.label} by step`),
          ),
        );
        return html`<h3>${stage.name}</h3><div class="curves">${charts}</div>
`;
      }),
  );
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${input.title}</title>
<style>${new Html(styleSheet())}</style></head>
<body><main>
<header><h1>${input.title}</h1>${ledeHtml(input)}</header>
<section><h2>What was run</h2>${runHtml(input.run, input.method)}</section>
<section><h2>Results</h2>
<p class="quiet">Accuracy in per cent with 95 % intervals over prompts; n = prompts × samples of each.</p>
${resultsHtml(input.results)}
${passChart === null ? null : figure(passChart.markup, 'Bars are estimates, whiskers 95 % intervals over prompts.', 'pass@k of each policy')}
</section>
${rerank.length === 0 ? null : html`<section><h2>Choosing the best of N samples</h2>${rerank}</section>`}
${
  stages.length === 0
    ? null
    : html`<section><h2>Learning curves</h2>
<p class="quiet">Faint: logged values. Strong: their moving average.</p>${stages}</section>`
}
${
  input.completions.length === 0
    ? null
    : html`<section><h2>What the critic sees</h2>
<p>A few completions, each token coloured by the learned reward at its position. Point at a token for its value.</p>
${completionsHtml(input.completions)}</section>`
}
<section><h2>How to read this honestly</h2><ul class="notes">${noteSentences(input).map((note) => html`<li>${note}</li>`)}</ul></section>
<section><h2>Terms</h2><dl class="glossary">${GLOSSARY.map(([term, meaning]) => html`<dt>${term}</dt><dd>${meaning}</dd>`)}</dl></section>
<footer>Made by dawngrad at commit ${input.run.commit}. This page holds everything it shows.</footer>
</main></body></html>
`;
  return page.markup;
}

/** The result in a sentence, no stronger than its interval. */
function ledeHtml({ results, rerank }: ReportInput): Html | null {
  const first = results[0];
  const last = results.at(-1);
  if (first === undefined || last === undefined) return null;
  const sentences = [
    `${last.name} solves ${formatPercent(last.passAt1.value)} % of ${last.prompts} unseen problems at the first try` +
      (last === first ? '.' : `; ${first.name} solves ${formatPercent(first.passAt1.value)} %.`),
  ];
  if (last.overFirst) sentences.push(`The paired difference is ${comparison(last.overFirst)}.`);
  const choice = rerank.at(-1);
  if (choice?.rewardGain) {
    const size = choice.bestOfN.sizes.at(-1);
    sentences.push(
      `Choosing one of ${size} ${choice.policy} samples by the learned reward changes accuracy by ` +
        `${comparison(choice.rewardGain.overRandom)} over a single sample.`,
    );
  }
  return html`<p class="lede">${sentences.join(' ')}</p>`;
}

/** Signed points with a true minus sign, for prose and HTML tables. */
function points(share: number): string {
  return formatPoints(share).replace('-', '−');
}

function comparison(difference: Estimate): string {
  const text = `${points(difference.value)} points ${formatInterval(difference, points)}`;
  return difference.low <= 0 && difference.high >= 0 ? `${text}, which these prompts cannot tell from 0` : text;
}

function runHtml(run: ReportRun, method: ReportMethod | null): Html {
  const facts: readonly (readonly [string, string])[] = [
    ['command', run.command],
    ['model', run.model],
    ['data', run.data],
    ['seed', String(run.seed)],
    ...(method === null ? [] : ([['critic', `granularity ${method.granularity}, credit ${method.credit}`]] as const)),
    ['adapter', run.adapter],
    ['driver', run.driver],
    ['commit', run.commit],
    ...(run.wallSeconds === undefined ? [] : ([['wall time', formatDuration(run.wallSeconds)]] as const)),
  ];
  return html`<dl class="facts">${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>
<details><summary>Resolved configuration</summary><pre>${run.config}</pre></details>`;
}

function resultsHtml(results: readonly ResultRow[]): Html {
  const ks = [...new Set(results.flatMap((row) => row.passAtK.map(({ k }) => k)))].sort((a, b) => a - b);
  const top = results.reduce((max, row) => Math.max(max, row.passAt1.high), 0);
  return html`<div class="scroll"><table><thead><tr><th>policy</th>${ks.map((k) => html`<th class="right">pass@${k}</th>`)}
<th>pass@1, 95 % interval</th><th class="right">over ${results[0]?.name}</th><th class="right">n</th></tr></thead><tbody>
${results.map(
  (row, i) => html`<tr><td>${row.name}</td>${ks.map((k) => cell(row.passAtK.find((one) => one.k === k)?.estimate))}
<td>${intervalStrip(row.passAt1, Math.max(top, 0.01))}</td>${i === 0 ? html`<td class="right quiet">–</td>` : cell(row.overFirst, points)}
<td class="right">${row.prompts} × ${row.samplesPerPrompt}</td></tr>
`,
)}</tbody></table></div>`;
}

/** Estimate and interval as a dot on a line, on one scale from 0 for the whole column. */
function intervalStrip(estimate: Estimate, top: number): Html {
  const x = (share: number): string => (4 + (162 * share) / top).toFixed(1);
  return html`<svg width="170" height="16" viewBox="0 0 170 16" role="img" aria-label="${formatEstimate(estimate)}"><line x1="4" x2="166" y1="8" y2="8" stroke="var(--rule)"/><line x1="${x(
    estimate.low,
  )}" x2="${x(estimate.high)}" y1="8" y2="8" stroke="var(--blue)" stroke-width="3" stroke-linecap="round" opacity="0.45"/><circle cx="${x(
    estimate.value,
  )}" cy="8" r="3.6" fill="var(--blue)"/></svg>`;
}

function cell(estimate: Estimate | null | undefined, format: (share: number) => string = formatPercent): Html {
  if (!estimate) return html`<td class="right quiet">${NOT_AVAILABLE}</td>`;
  return html`<td class="right">${format(estimate.value)}<span class="ci">${formatInterval(estimate, format)}</span></td>`;
}

async function rerankHtml(rerank: Rerank): Promise<Html> {
  const { bestOfN, rewards } = rerank;
  const chart = await bestOfChart(bestOfN);
  const histogram = rewards === null ? null : await rewardChart(rewards);
  const aurocs = rerank.separation
    .map(({ signal, auroc }) => `${signal === 'logprob' ? 'log-probability' : signal} ${formatEstimate(auroc)}`)
    .join(', ');
  const gain = rerank.rewardGain;
  return html`<h3>${rerank.policy} samples, scored by ${rerank.critic}</h3>
${
  gain === null
    ? null
    : html`<p>Best of ${bestOfN.sizes.at(-1)} by the learned reward: ${comparison(gain.overRandom)} over a random sample; ${comparison(
        gain.overMajority,
      )} over majority vote.</p>`
}
${figure(chart, 'The band is the 95 % interval of the learned reward.', `best of N of ${rerank.policy} samples`)}
<div class="scroll"><table><thead><tr><th>chosen by</th>${bestOfN.sizes.map((size) => html`<th class="right">N = ${size}</th>`)}</tr></thead><tbody>
${bestOfN.rows.map(
  (
    row,
  ) => html`<tr class="${row.ranker === 'reward' ? 'strong' : ''}"><td>${RANKER_LABELS[row.ranker]}</td>${bestOfN.sizes.map(
    (_, i) => cell(row.estimates?.[i]),
  )}</tr>
`,
)}</tbody></table></div>
${histogram === null ? null : figure(histogram, 'Reward of correct and of wrong completions, each as a share of its class.', 'histogram of rewards')}
<p class="quiet">AUROC in per cent, as a judge of correctness: ${aurocs}. ECE ${formatEstimate(rerank.ece)}.</p>
`;
}

function figure(svg: string, caption: string, label: string): Html {
  return html`<figure><div role="img" aria-label="${label}">${new Html(svg)}</div><figcaption>${caption}</figcaption></figure>
`;
}

/** What the numbers do not say by themselves, from the input alone, then the caller's own remarks. */
function noteSentences({ method, results, rerank, bootstrap, notes }: ReportInput): string[] {
  const sentences: string[] = [];
  if (method !== null) {
    sentences.push(
      method.checkerUse.length === 0
        ? 'R-AIRL here is verifier-free: no answer checker took part in its reward, its labels or the choice of its checkpoint.'
        : `R-AIRL here is not verifier-free: an answer checker took part in its ${method.checkerUse.join(' and ')}.`,
      `The critic’s granularity is ${method.granularity} and credit is by ${method.credit}. Evaluated checkpoint: ${method.selection}.`,
    );
  }
  if (results.some((row) => row.name === 'GRPO')) sentences.push('GRPO’s reward is the answer checker itself.');
  const prompts = results[0]?.prompts;
  sentences.push(
    `All results come from one seed: the intervals cover the choice of ${prompts ?? 'test'} prompts, not the luck of a training run.`,
    `Intervals are percentile bootstraps over prompts (${bootstrap.resamples} resamples, seed ${bootstrap.seed}), Wilson’s where all prompts agree.`,
  );
  for (const one of rerank) {
    const { counts, completions } = one;
    if (counts.nonFiniteReward > 0) {
      sentences.push(
        `${counts.nonFiniteReward} of ${completions} ${one.policy} completions have no finite reward; they rank last.`,
      );
    }
    if (counts.withoutAnswer > 0) {
      sentences.push(
        `${counts.withoutAnswer} of ${completions} ${one.policy} completions have no extractable answer; they count as wrong.`,
      );
    }
    for (const row of one.bestOfN.rows) {
      if (row.unavailable !== null)
        sentences.push(`${one.policy}, ${RANKER_LABELS[row.ranker]}: n/a, since ${row.unavailable}.`);
    }
  }
  return [...sentences, ...notes];
}
