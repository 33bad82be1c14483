import { type Html, html } from './html.ts';
import { COLOUR_STEPS } from './style.ts';

export interface ReportToken {
  /** As it stands in the completion, spaces and line breaks included. */
  readonly text: string;
  /** The critic's score; NaN or null where there is none. */
  readonly reward: number | null;
  /** Written by the environment, not by the policy. */
  readonly forced: boolean;
}

export interface ReportCompletion {
  readonly prompt: string;
  readonly tokens: readonly ReportToken[];
  readonly correct: boolean;
  readonly gold: string;
  readonly answer: string | null;
  /** The completion's sequence score. */
  readonly score: number | null;
}

/** Tokens are coloured by (reward - centre) / reach, cut at +-1. */
interface ColourScale {
  readonly centre: number;
  readonly reach: number;
}

/**
 * Completions with their tokens coloured by the learned reward: one scale for all of them, so that
 * colours compare; per prompt, correct ones first.
 */
export function completionsHtml(completions: readonly ReportCompletion[]): Html {
  const scale = sharedScale(completions);
  const prompts = [...new Set(completions.map((completion) => completion.prompt))];
  return html`${legendHtml(scale)}${prompts.map((prompt) => {
    const own = completions.filter((completion) => completion.prompt === prompt);
    const ordered = [...own.filter((one) => one.correct), ...own.filter((one) => !one.correct)];
    return html`<div class="prompt">${prompt.trim()}</div>
<div class="pair">${ordered.map((completion) => traceHtml(completion, scale))}</div>
`;
  })}`;
}

/** Centre = mean of all shown rewards; reach = the distance that 95 % of them stay within. */
function sharedScale(completions: readonly ReportCompletion[]): ColourScale {
  const rewards = completions.flatMap((one) => one.tokens.flatMap(({ reward }) => finiteOnly(reward)));
  if (rewards.length === 0) return { centre: 0, reach: 1 };
  const centre = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
  const distances = rewards.map((reward) => Math.abs(reward - centre)).sort((a, b) => a - b);
  const reach = distances[Math.floor(0.95 * (distances.length - 1))]!;
  return { centre, reach: reach > 0 ? reach : 1 };
}

function traceHtml(completion: ReportCompletion, scale: ColourScale): Html {
  const { correct, answer, gold, score, tokens } = completion;
  return html`<article class="trace"><header>
<span class="verdict ${correct ? 'right' : 'wrong'}">${correct ? '✓ correct' : '✗ wrong'}</span>
<span>answer ${answer ?? 'none'}${correct ? null : html` <span class="quiet">(gold ${gold})</span>`}</span>
<span>reward ${score === null ? 'n/a' : signed(score)}</span>
</header><div class="tokens">${tokens.map((token) => tokenHtml(token, scale))}</div></article>
`;
}

function tokenHtml({ text, reward, forced }: ReportToken, scale: ColourScale): Html {
  const finite = finiteOnly(reward)[0];
  const colour = finite === undefined ? '' : colourClass(finite, scale);
  const title = `${finite === undefined ? 'no reward' : signed(finite)}${forced ? ', written by the environment' : ''}`;
  // The mark stops at the word: an underlined space would look like part of the next token.
  const word = text.trim();
  const shown =
    forced && word !== ''
      ? html`${text.slice(0, text.indexOf(word))}<u>${word}</u>${text.slice(text.indexOf(word) + word.length)}`
      : text;
  return html`<span${colour === '' ? null : html` class="${colour}"`} title="${title}">${shown}</span>`;
}

function colourClass(reward: number, { centre, reach }: ColourScale): string {
  const step = Math.round(COLOUR_STEPS * Math.max(-1, Math.min(1, (reward - centre) / reach)));
  if (step === 0) return '';
  return step > 0 ? `high${step}` : `low${-step}`;
}

function legendHtml({ centre, reach }: ColourScale): Html {
  const steps = Array.from({ length: 2 * COLOUR_STEPS + 1 }, (_, i) => i - COLOUR_STEPS);
  const ramp = steps.map((step) => html`<i class="${colourClass(step, { centre: 0, reach: COLOUR_STEPS })}"></i>`);
  return html`<div class="legend"><span class="scale">${signed(centre - reach)} <span class="ramp">${ramp}</span> ${signed(
    centre + reach,
  )}</span><span>reward of each token, centre ${signed(centre)} = mean of the tokens shown</span>
<span><u>dotted</u> = written by the environment</span></div>
`;
}

function finiteOnly(reward: number | null): number[] {
  return reward !== null && Number.isFinite(reward) ? [reward] : [];
}

function signed(value: number): string {
  if (!Number.isFinite(value)) return 'n/a';
  return value >= 0 ? `+${value.toFixed(2)}` : value.toFixed(2).replace('-', '−');
}
