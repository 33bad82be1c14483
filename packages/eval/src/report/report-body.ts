import type { Estimate } from '../stats/estimate.ts';
import { formatEstimate, formatInterval, formatPercent, formatPoints, NOT_AVAILABLE } from './format.ts';
import { GLOSSARY } from './glossary.ts';
import { type Html, html } from './html.ts';
import type { PageData } from './page-data.ts';
import type { MissingPart, ReportInput, ReportRun } from './report-input.ts';
import type { Rerank, ResultRow } from './summarise.ts';
import { RANKER_LABELS } from './summary-tables.ts';
import type { Table } from './table.ts';

type Part = readonly [id: string, title: string, content: Html];

/** Titles in the bar at the top. */
const SHORT_TITLES: Readonly<Record<string, string>> = {
  runs: 'Runs',
  rerank: 'Best of N',
  calibration: 'Calibration',
  localisation: 'First error',
  curves: 'Curves',
  difference: 'Differences',
  configuration: 'Configuration',
  reading: 'Reading',
};

/** What is between `<body>` and the data: every number as text, with places for what the script draws. */
export function reportBody(input: ReportInput, data: PageData): Html {
  const parts = partsOf(input, data);
  return html`<a class="skip" href="#main">Skip to the report</a>
<nav aria-label="Sections"><ul>${parts.map(([id, title]) => html`<li><a href="#${id}">${SHORT_TITLES[id] ?? title}</a></li>`)}</ul></nav>
<main id="main">
<header><h1>${input.title}</h1>${ledeHtml(input)}<p id="live" role="status" hidden></p>
<noscript><p class="quiet">Charts and the list of completions are drawn by this page’s own script, which does not run here. All tables stand below.</p></noscript></header>
${parts.map(
  ([id, title, content]) => html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>
${content}</section>
`,
)}<footer>Made by dawngrad from the files of ${input.runs.length === 1 ? 'one folder' : `${input.runs.length} folders`}. This page holds everything it shows and loads nothing.</footer>
</main>
`;
}

function partsOf(input: ReportInput, data: PageData): Part[] {
  const { summary, missing, sections, difference, runs } = input;
  const { results, rerank } = summary;
  const calibrated = rerank.flatMap((one, i) => (one.calibration === null ? [] : [[one, i] as const]));
  const without: readonly string[] = input.without ?? [];
  const why = (part: MissingPart): Html =>
    html`<p class="quiet">${NOT_AVAILABLE}: ${missing[part] ?? 'the folders given hold nothing of it'}.</p>`;
  const parts: Part[] = [
    ['runs', 'What was run', runsHtml(runs)],
    ['results', 'Results', results.length === 0 ? why('results') : resultsHtml(results)],
    ['rerank', 'Choosing the best of N samples', rerank.length === 0 ? why('rerank') : html`${rerank.map(rerankHtml)}`],
    [
      'calibration',
      'Can the reward be believed?',
      calibrated.length === 0
        ? why('calibration')
        : html`${calibrated.map(([one, i]) => calibrationHtml(one, i))}${confusionHtml(data)}`,
    ],
    ...(sections.length === 0
      ? ([['localisation', 'Where the first error is', why('localisation')]] as const)
      : sections.map(
          ({ title, paragraphs, tables, plots = [] }, i) =>
            [
              `part-${i}`,
              title,
              html`${textHtml(paragraphs, [])}${plots.map(({ caption }, j) => plotHtml(`part-${i}-${j}`, caption))}${textHtml([], tables)}`,
            ] as const,
        )),
    ['curves', 'Learning curves', data.stages.length === 0 ? why('curves') : curvesHtml(runs)],
    ['completions', 'Completions', data.completions.set.length === 0 ? why('completions') : completionsHtml(data)],
    [
      'difference',
      'In what two runs differ',
      difference === null ? why('difference') : textHtml(difference.paragraphs, difference.tables),
    ],
    ['configuration', 'Configuration and environment', configurationHtml(runs)],
    ['reading', 'How to read this honestly', notesHtml(input)],
    [
      'terms',
      'Terms',
      html`<dl class="glossary">${GLOSSARY.map(([term, meaning]) => html`<dt>${term}</dt><dd>${meaning}</dd>`)}</dl>`,
    ],
  ];
  return parts.filter(([id]) => !without.includes(id));
}

/** The result in a sentence, no stronger than its interval. */
function ledeHtml({ lede, summary: { results, rerank } }: ReportInput): Html | null {
  if (lede !== undefined) return html`<p class="lede">${lede}</p>`;
  const first = results[0];
  const last = results.at(-1);
  if (first === undefined || last === undefined) return null;
  const sentences = [
    `${last.name} solves ${formatPercent(last.passAt1.value)} % ${interval(last.passAt1)} of ${last.prompts} problems at the first try` +
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

function interval(estimate: Estimate): string {
  return formatInterval(estimate);
}

/** Signed points with a true minus sign, for prose and HTML tables. */
function points(share: number): string {
  return formatPoints(share).replace('-', '−');
}

function comparison(difference: Estimate): string {
  const text = `${points(difference.value)} points ${formatInterval(difference, points)}`;
  return difference.low <= 0 && difference.high >= 0 ? `${text}, which these prompts cannot tell from 0` : text;
}

function runsHtml(runs: readonly ReportRun[]): Html {
  return html`${runs.map(
    (run) => html`<h3>${run.name}</h3>
<dl class="facts"><dt>kind</dt><dd>${run.kind}, ${run.state}</dd>${run.facts.map(
      ([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`,
    )}<dt>checker</dt><dd>${checkerSentence(run)}</dd></dl>
`,
  )}`;
}

function checkerSentence({ checkerUse }: ReportRun): string {
  if (checkerUse === null) return `${NOT_AVAILABLE}: the configuration does not tell where an answer checker took part`;
  if (checkerUse.length === 0)
    return 'none: no answer checker took part in its reward, its labels or the choice of its checkpoint';
  return `an answer checker took part: ${checkerUse.join('; ')}`;
}

function resultsHtml(results: readonly ResultRow[]): Html {
  const ks = [...new Set(results.flatMap((row) => row.passAtK.map(({ k }) => k)))].sort((a, b) => a - b);
  const top = results.reduce((max, row) => Math.max(max, row.passAt1.high), 0);
  return html`<p class="quiet">Accuracy in per cent with 95 % intervals over prompts; n = prompts × samples of each.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Results, a table"><table><thead><tr><th scope="col">policy</th>${ks.map(
    (k) => html`<th scope="col" class="right">pass@${k}</th>`,
  )}
<th scope="col">pass@1, 95 % interval</th>${results.length > 1 ? html`<th scope="col" class="right">over ${results[0]!.name}</th>` : null}<th scope="col" class="right">n</th></tr></thead><tbody>
${results.map(
  (
    row,
    i,
  ) => html`<tr><th scope="row">${row.name}</th>${ks.map((k) => cell(row.passAtK.find((one) => one.k === k)?.estimate))}
<td>${intervalStrip(row.passAt1, Math.max(top, 0.01))}</td>${
    results.length === 1 ? null : i === 0 ? html`<td class="right quiet">–</td>` : cell(row.overFirst, points)
  }
<td class="right">${row.prompts} × ${row.samplesPerPrompt}</td></tr>
`,
)}</tbody></table></div>
${plotHtml('pass', 'Dots are estimates, whiskers 95 % intervals over prompts.')}`;
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

function rerankHtml(rerank: Rerank, i: number): Html {
  const { bestOfN, rewardGain } = rerank;
  const aurocs = rerank.separation
    .map(({ signal, auroc }) => `${signal === 'logprob' ? 'log-probability' : signal} ${formatEstimate(auroc)}`)
    .join(', ');
  return html`<h3>${rerank.policy} samples, scored by ${rerank.critic}</h3>
${
  rewardGain === null
    ? html`<p class="quiet">Choosing by the learned reward is ${NOT_AVAILABLE}: ${bestOfN.rows.find(({ ranker }) => ranker === 'reward')?.unavailable ?? 'there are no rewards'}.</p>`
    : html`<p>Best of ${bestOfN.sizes.at(-1)} by the learned reward: ${comparison(rewardGain.overRandom)} over a random sample; ${comparison(
        rewardGain.overMajority,
      )} over majority vote.</p>`
}
${plotHtml(`best-${i}`, 'The band is the 95 % interval of the learned reward.')}
<div class="scroll" tabindex="0" role="region" aria-label="Best of N of ${rerank.policy} samples, a table"><table><thead><tr><th scope="col">chosen by</th>${bestOfN.sizes.map(
    (size) => html`<th scope="col" class="right">N = ${size}</th>`,
  )}</tr></thead><tbody>
${bestOfN.rows.map(
  (
    row,
  ) => html`<tr class="${row.ranker === 'reward' ? 'strong' : ''}"><th scope="row">${RANKER_LABELS[row.ranker]}</th>${bestOfN.sizes.map(
    (_, size) => cell(row.estimates?.[size]),
  )}</tr>
`,
)}</tbody></table></div>
<p class="quiet">AUROC in per cent, as a judge of correctness: ${aurocs}.</p>
`;
}

function calibrationHtml({ policy, calibration, rewards }: Rerank, i: number): Html {
  const { raw, scaled } = calibration!;
  const row = (name: string, numbers: typeof raw | undefined): Html =>
    html`<tr><th scope="row">${name}</th>${cell(numbers?.ece)}${cell(numbers?.brier)}</tr>`;
  return html`<h3>${policy}</h3>
<div class="pair">${plotHtml(`reliability-${i}`, 'Share that is correct among completions of a predicted probability, logistic(reward).')}${
    rewards.correct.length + rewards.wrong.length === 0
      ? null
      : plotHtml(`rewards-${i}`, 'Reward of correct and of wrong completions, each as a share of its class.')
  }</div>
<div class="scroll" tabindex="0" role="region" aria-label="Calibration of ${policy}, a table"><table><thead><tr><th scope="col">reward as a probability</th><th scope="col" class="right">ECE %</th><th scope="col" class="right">Brier %</th></tr></thead><tbody>
${row('as it is', raw)}${row('temperature-scaled', scaled?.byTemperature)}${row('isotonic', scaled?.byIsotonic)}</tbody></table></div>
<p class="quiet">${
    scaled === null
      ? `Scaled probabilities are ${NOT_AVAILABLE}: no rows of dev prompts were given to fit them on.`
      : `Scaling was fitted on ${scaled.fittedOn.completions} completions of ${scaled.fittedOn.prompts} other prompts; temperature ${scaled.temperature?.toFixed(3) ?? 'infinite'}.`
  }</p>
`;
}

function confusionHtml({ confusions }: PageData): Html | null {
  if (confusions.length === 0) return null;
  return html`<h3>Verdict against reward</h3>
<p>A completion is called correct where its reward reaches the threshold. The one set at first has the best mean of both accuracies on these completions themselves, so it flatters the reward.</p>
<div id="confusion"></div>
`;
}

function curvesHtml(runs: readonly ReportRun[]): Html {
  return html`<p class="quiet">${runs.length > 1 ? 'Runs lie on each other. ' : ''}Faint: logged values. Strong: their moving average. Point at a chart for its values; drag over it to zoom. With the keyboard: arrow keys move, + and − zoom, 0 shows all.</p>
<div id="curve-controls" class="controls"></div><div id="curve-charts"></div>`;
}

function completionsHtml({ completions }: PageData): Html {
  const leftOut = completions.sets.filter(({ leftOut }) => leftOut > 0);
  return html`<p class="quiet">Each token is coloured on a scale that all completions share. Keys: j and k go on and back, / searches, arrow keys move among the tokens once the text has the focus.</p>
${leftOut.map(({ name, leftOut }) => html`<p class="quiet">${name}: ${leftOut} further completions are not in this page.</p>`)}
<div id="browser"></div>`;
}

function configurationHtml(runs: readonly ReportRun[]): Html {
  return html`${runs.map(
    ({ name, config, environment }) => html`<h3>${name}</h3>
${detailsHtml('Every field of the configuration', config)}${detailsHtml('Environment of each start', environment)}`,
  )}`;
}

function detailsHtml(title: string, text: string | null): Html {
  if (text === null) return html`<p class="quiet">${title}: ${NOT_AVAILABLE}, since the folder has no such file.</p>`;
  return html`<details><summary>${title}</summary><pre tabindex="0">${text}</pre></details>
`;
}

function textHtml(
  paragraphs: readonly string[],
  tables: readonly { readonly caption: string; readonly table: Table }[],
): Html {
  return html`${paragraphs.map((text) => html`<p>${text}</p>`)}${tables.map(
    ({
      caption,
      table,
    }) => html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table><caption>${caption}</caption><thead><tr>${table.columns.map(
      ({ header, align }) => html`<th scope="col" class="${align}">${header}</th>`,
    )}</tr></thead><tbody>
${table.rows.map(
  (row) => html`<tr>${row.map((text, c) => html`<td class="${table.columns[c]?.align ?? 'left'}">${text}</td>`)}</tr>
`,
)}</tbody></table></div>
`,
  )}`;
}

function plotHtml(key: string, caption: string): Html {
  return html`<figure><div class="plot" data-plot="${key}"></div><figcaption>${caption}</figcaption></figure>
`;
}

/** What the numbers do not say by themselves, then the caller's own remarks. */
function notesHtml({ summary, runs, notes }: ReportInput): Html {
  const { bootstrap, results, rerank } = summary;
  const sentences: string[] = [];
  if (bootstrap !== null) {
    sentences.push(
      `The intervals cover the choice of ${results[0]?.prompts ?? 'test'} prompts, each with all of its samples, not the luck of a training run.`,
      `Intervals are percentile bootstraps over prompts (${bootstrap.resamples} resamples, seed ${bootstrap.seed}), Wilson’s where all prompts agree.`,
    );
  }
  if (results.length > 1 && results.some(({ overFirst }, i) => i > 0 && overFirst === null)) {
    sentences.push(`A difference to ${results[0]!.name} is ${NOT_AVAILABLE} where the prompts are not the same.`);
  }
  if (runs.some(({ state }) => state === 'running')) sentences.push('A run is still going: its numbers are of now.');
  for (const { counts, completions, policy, bestOfN } of rerank) {
    if (counts.nonFiniteReward > 0) {
      sentences.push(
        `${counts.nonFiniteReward} of ${completions} ${policy} completions have no finite reward; they rank last.`,
      );
    }
    if (counts.withoutAnswer > 0) {
      sentences.push(
        `${counts.withoutAnswer} of ${completions} ${policy} completions have no extractable answer; they count as wrong.`,
      );
    }
    for (const row of bestOfN.rows) {
      if (row.unavailable !== null) {
        sentences.push(`${policy}, ${RANKER_LABELS[row.ranker]}: ${NOT_AVAILABLE}, since ${row.unavailable}.`);
      }
    }
  }
  return html`<ul class="notes">${[...sentences, ...notes].map((note) => html`<li>${note}</li>`)}</ul>`;
}
