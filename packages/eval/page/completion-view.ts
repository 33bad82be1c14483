import type { CompletionIndex, Signal } from '../src/report/page-data.ts';
import { plainCharacters } from '../src/report/plain-characters.ts';
import type { Completion } from './blocks.ts';
import { element } from './element.ts';
import { shortNumber } from './scale.ts';

const COLOUR_STEPS = 8;
/** Where the pointer was last: text that moves under a resting pointer does not take the place of the arrow keys. */
let pointer = '';

export const SIGNAL_NAMES: Readonly<Record<Signal, string>> = {
  reward: 'reward',
  logprob: 'log-probability',
  advantage: 'advantage',
};

/** One completion in full, its tokens coloured. */
export function completionView(
  index: CompletionIndex,
  i: number,
  { prompt, row, pieces, values }: Completion,
  signal: Signal,
  onPrompt: () => void,
): HTMLElement {
  const verdict = index.verdict[i]!;
  const fall = index.drop[i]! === null ? null : { at: index.dropAt[i]!, by: index.drop[i]! };
  const readout = element('p', { class: 'readout', id: 'token-readout', 'aria-live': 'polite' });
  const tokens = element('div', {
    class: 'tokens',
    tabindex: '0',
    role: 'application',
    'aria-label': `Completion, ${pieces.length} tokens; left and right arrow keys tell the value of each`,
  });
  const forced = new Set(row.forced ?? []);
  const marks = pieces.map((piece, t) => {
    const value = values[signal]?.[t] ?? null;
    const classes = [
      value === null ? '' : colourClass(value, index, signal),
      forced.has(t) ? 'forced' : '',
      fall?.at === t ? 'fall' : '',
    ].filter((name) => name !== '');
    return element('span', classes.length > 0 ? { class: classes.join(' ') } : {}, plainCharacters(piece));
  });
  tokens.append(...marks);
  const tell = (t: number): void => {
    tokens.querySelector('.current')?.classList.remove('current');
    marks[t]?.classList.add('current');
    const known = (Object.keys(SIGNAL_NAMES) as Signal[]).flatMap((name) => {
      const value = values[name]?.[t];
      return value === undefined
        ? []
        : [`${SIGNAL_NAMES[name]} ${value === null ? 'n/a' : shortNumber(Number(value.toPrecision(3)))}`];
    });
    const notes = [
      ...known,
      ...(forced.has(t) ? ['written by the environment'] : []),
      ...(fall?.at === t ? ['the largest fall of the reward'] : []),
    ];
    readout.textContent = `token ${t + 1} of ${pieces.length}: ${notes.join(', ') || 'no values'}`;
  };
  let current = -1;
  tokens.addEventListener('pointerover', (event) => {
    const t = marks.indexOf(event.target as HTMLSpanElement);
    const place = `${event.clientX} ${event.clientY}`;
    if (t < 0 || place === pointer) return;
    pointer = place;
    current = t;
    tell(t);
  });
  tokens.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const place = { Home: 0, End: pieces.length - 1 }[event.key];
    if (step === undefined && place === undefined) return;
    event.preventDefault();
    current = place ?? Math.max(0, Math.min(pieces.length - 1, current + step!));
    tell(current);
    marks[current]?.scrollIntoView({ block: 'nearest' });
  });
  const same = element('button', { type: 'button' }, 'Only this prompt');
  same.addEventListener('click', onPrompt);
  return element(
    'article',
    { class: 'trace', 'aria-label': 'Chosen completion' },
    element(
      'header',
      {},
      element('span', { class: `verdict ${verdict === 1 ? 'right-answer' : 'wrong-answer'}` }, verdictText(verdict)),
      fact('answer', row.answer ?? 'none'),
      ...(row.gold === null ? [] : [fact('gold', row.gold)]),
      fact('reward', index.reward[i]! === null ? 'n/a' : shortNumber(index.reward[i]!)),
      same,
    ),
    element('div', { class: 'prompt' }, plainCharacters(prompt)),
    ...(fall === null
      ? []
      : [
          element(
            'p',
            { class: 'quiet' },
            `The critic sees the first error at token ${fall.at + 1}: there the reward falls by ${shortNumber(Number(fall.by.toPrecision(3)))}, the most in this completion.`,
          ),
        ]),
    ...(row.n === 0 ? [element('p', { class: 'quiet' }, withoutColours(index, i))] : []),
    ...(row.n > 0 && values[signal] === undefined
      ? [
          element(
            'p',
            { class: 'quiet' },
            `Tokens have no colour: the file holds no ${SIGNAL_NAMES[signal]} of this completion.`,
          ),
        ]
      : []),
    tokens,
    ...(row.of === undefined
      ? []
      : [
          element(
            'p',
            { class: 'quiet' },
            `The page holds ${row.text.length.toLocaleString('en')} of its ${row.of.toLocaleString('en')} characters.`,
          ),
        ]),
    readout,
  );
}

export function verdictText(verdict: number): string {
  if (verdict === 1) return '✓ correct';
  return verdict === 2 ? '✗ no answer' : '✗ wrong';
}

function withoutColours(index: CompletionIndex, i: number): string {
  return `Tokens have no colour: ${index.sets[index.set[i]!]!.withoutTokens ?? 'they are not known'}.`;
}

function fact(name: string, value: string): HTMLElement {
  return element('span', {}, `${name} `, element('b', {}, plainCharacters(value)));
}

/** A scale from low to high in the colours of a signal. */
export function scaleLegend(index: CompletionIndex, signal: Signal): HTMLElement {
  const scale = index.signals[signal];
  if (scale === null) return element('p', { class: 'legend' }, `${SIGNAL_NAMES[signal]}: n/a, no file holds it.`);
  const steps = Array.from({ length: 2 * COLOUR_STEPS + 1 }, (_, step) => step - COLOUR_STEPS).filter(
    (step) => signal !== 'logprob' || step <= 0,
  );
  const ramp = steps.map((step) => element('i', step === 0 ? {} : { class: step > 0 ? `high${step}` : `low${-step}` }));
  const number = (value: number): string => shortNumber(Number(value.toPrecision(3)));
  const high = signal === 'logprob' ? 0 : scale.centre + scale.reach;
  return element(
    'p',
    { class: 'legend' },
    element(
      'span',
      { class: 'scale' },
      `${SIGNAL_NAMES[signal]} ${number(scale.centre - scale.reach)} `,
      element('span', { class: 'ramp', 'aria-hidden': 'true' }, ...ramp),
      ` ${number(high)}`,
    ),
    element('span', {}, element('u', {}, 'dotted'), ' written by the environment'),
    element('span', {}, element('span', { class: 'fall' }, 'framed'), ' largest fall of the reward'),
  );
}

function colourClass(value: number, index: CompletionIndex, signal: Signal): string {
  const { centre, reach } = index.signals[signal]!;
  const step = Math.round(COLOUR_STEPS * Math.max(-1, Math.min(1, (value - centre) / reach)));
  if (step === 0) return '';
  return step > 0 ? `high${step}` : `low${-step}`;
}
