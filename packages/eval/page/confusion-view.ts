import type { Confusion } from '../src/report/page-data.ts';
import { element } from './element.ts';
import { shortNumber } from './scale.ts';

/** Verdict against reward, with a threshold to move. */
export function showConfusion(host: HTMLElement, confusions: readonly Confusion[]): void {
  host.replaceChildren(...confusions.map(confusionOf));
}

function confusionOf({ name, correct, wrong, threshold }: Confusion, number: number): HTMLElement {
  const low = Math.min(correct[0]!, wrong[0]!);
  const high = Math.max(correct.at(-1)!, wrong.at(-1)!);
  const id = `threshold-${number}`;
  const slider = element('input', { type: 'range', id, min: '0', max: '1000', step: '1' });
  const shown = element('output', { for: id });
  const cells = [0, 1, 2, 3].map(() => element('td', { class: 'right' }));
  const sentence = element('p', { class: 'quiet', 'aria-live': 'polite' });
  const update = (at: number): void => {
    const [right, mistaken] = [atLeast(correct, at), atLeast(wrong, at)];
    const counts = [right, correct.length - right, mistaken, wrong.length - mistaken];
    counts.forEach((count, i) => {
      const total = i < 2 ? correct.length : wrong.length;
      cells[i]!.textContent = `${count} (${((100 * count) / total).toFixed(1)} %)`;
    });
    shown.textContent = shortNumber(Number(at.toPrecision(3)));
    slider.setAttribute('aria-valuetext', shown.textContent);
    const called = right + mistaken;
    sentence.textContent =
      `Of ${called} completions called correct ${called === 0 ? 'none is' : `${((100 * right) / called).toFixed(1)} % are`} correct. ` +
      `Reward and verdict disagree on ${correct.length - right + mistaken} of ${correct.length + wrong.length}.`;
  };
  slider.value = String(high > low ? Math.round((1000 * (threshold - low)) / (high - low)) : 0);
  slider.addEventListener('input', () => update(low + (Number(slider.value) / 1000) * (high - low)));
  update(threshold);
  const row = (title: string, ...own: HTMLElement[]): HTMLElement =>
    element('tr', {}, element('th', { scope: 'row' }, title), ...own);
  const head = ['checker says', 'called correct', 'called wrong'].map((text, i) =>
    element('th', { scope: 'col', ...(i > 0 ? { class: 'right' } : {}) }, text),
  );
  return element(
    'div',
    { class: 'confusion' },
    element('h4', {}, name),
    element('p', { class: 'controls' }, element('label', {}, 'Threshold of the reward ', slider, ' ', shown)),
    element(
      'div',
      { class: 'scroll' },
      element(
        'table',
        {},
        element('thead', {}, element('tr', {}, ...head)),
        element('tbody', {}, row('correct', cells[0]!, cells[1]!), row('wrong', cells[2]!, cells[3]!)),
      ),
    ),
    sentence,
  );
}

/** How many values of an ascending list are at least a bound. */
function atLeast(ascending: readonly number[], bound: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! < bound) low = middle + 1;
    else high = middle;
  }
  return ascending.length - low;
}
