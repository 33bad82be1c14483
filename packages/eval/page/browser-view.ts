import { type CompletionIndex, SIGNALS, type Signal } from '../src/report/page-data.ts';
import { plainCharacters } from '../src/report/plain-characters.ts';
import type { Blocks } from './blocks.ts';
import { chosen, type Order, type Verdict, type Wish } from './choice.ts';
import { completionView, SIGNAL_NAMES, scaleLegend, verdictText } from './completion-view.ts';
import { element } from './element.ts';
import { shortNumber } from './scale.ts';

const VERDICTS: readonly (readonly [Verdict, string])[] = [
  ['all', 'all'],
  ['correct', 'correct'],
  ['wrong', 'wrong'],
  ['unanswered', 'without an answer'],
  ['disagree', 'reward and verdict disagree'],
];
const ORDERS: readonly (readonly [Order, string])[] = [
  ['file', 'as in the file'],
  ['high', 'highest reward'],
  ['low', 'lowest reward'],
  ['disagree', 'reward most wrong'],
  ['drop', 'largest fall of the reward'],
  ['long', 'longest'],
];
/** Pixels of a row of the list; style.ts has the same. */
const ROW = 54;
const SEARCH_DELAY_MS = 200;

/** What the reader chose; kept when newer data come. */
export interface BrowserState {
  wish: Wish;
  text: string;
  signal: Signal;
  /** Place in the list of what is chosen. */
  at: number;
}

export function newBrowserState(): BrowserState {
  return {
    wish: { set: null, verdict: 'all', from: null, to: null, prompt: null, found: null, order: 'file' },
    text: '',
    signal: 'reward',
    at: 0,
  };
}

/** The list of completions beside the one that is chosen. Only the rows in sight are in the document. */
export class BrowserView {
  readonly #index: CompletionIndex;
  readonly #blocks: Blocks;
  readonly #state: BrowserState;
  readonly #list: HTMLElement;
  readonly #rows: HTMLElement;
  readonly #detail: HTMLElement;
  readonly #count: HTMLElement;
  readonly #legend: HTMLElement;
  readonly #search: HTMLInputElement;
  readonly #onlyPrompt: HTMLElement;
  #chosen: number[] = [];
  /** Counts searches and completions asked for, so that a late answer to an old question is dropped. */
  #asked = 0;
  #shown = 0;

  constructor(host: HTMLElement, index: CompletionIndex, blocks: Blocks, state: BrowserState) {
    this.#index = index;
    this.#blocks = blocks;
    this.#state = state;
    if (index.signals[state.signal] === null)
      state.signal = SIGNALS.find((one) => index.signals[one] !== null) ?? 'reward';
    this.#rows = element('div', { class: 'rows' });
    this.#list = element(
      'div',
      { class: 'list', tabindex: '0', role: 'listbox', 'aria-label': 'Completions', id: 'completion-list' },
      this.#rows,
    );
    this.#detail = element('div', { class: 'detail' });
    this.#count = element('p', { class: 'count', role: 'status' });
    this.#legend = element('div');
    this.#search = element('input', { type: 'search', id: 'search', placeholder: 'text of prompt or completion' });
    this.#search.value = state.text;
    this.#onlyPrompt = element('span');
    host.replaceChildren(
      this.#controls(),
      this.#legend,
      this.#count,
      element('div', { class: 'panes' }, this.#list, this.#detail),
    );
    this.#list.addEventListener('scroll', () => this.#drawRows());
    this.#list.addEventListener('keydown', (event) => this.#listKey(event));
    this.#list.addEventListener('click', (event) => {
      const row = (event.target as Element).closest<HTMLElement>('[data-at]');
      if (row !== null) this.#choose(Number(row.dataset.at));
    });
    new ResizeObserver(() => this.#drawRows()).observe(this.#list);
    this.#drawLegend();
    if (state.text === '') this.#apply(state.at);
    else void this.#find(state.at);
  }

  /** A key pressed outside of any field: j, k and / work in the whole section. */
  key(event: KeyboardEvent): void {
    if (event.key === 'j') this.#choose(this.#state.at + 1);
    else if (event.key === 'k') this.#choose(this.#state.at - 1);
    else if (event.key === '/') this.#search.focus();
    else return;
    event.preventDefault();
  }

  #controls(): HTMLElement {
    const { sets } = this.#index;
    const state = this.#state;
    const change = (part: Partial<Wish>): void => {
      state.wish = { ...state.wish, ...part };
      this.#apply(0);
    };
    const set = selectOf(
      [['', 'all'], ...sets.map(({ name }, i) => [String(i), name] as const)],
      state.wish.set === null ? '' : String(state.wish.set),
      (value) => change({ set: value === '' ? null : Number(value) }),
    );
    const verdict = selectOf(VERDICTS, state.wish.verdict, (value) => change({ verdict: value }));
    const order = selectOf(ORDERS, state.wish.order, (value) => change({ order: value }));
    const signal = selectOf(
      SIGNALS.map((one) => [one, `${SIGNAL_NAMES[one]}${this.#index.signals[one] === null ? ' (n/a)' : ''}`] as const),
      state.signal,
      (value) => {
        state.signal = value;
        this.#drawLegend();
        void this.#drawDetail();
      },
    );
    const bound = (name: 'from' | 'to'): HTMLInputElement => {
      const field = element('input', { type: 'number', step: 'any', class: 'bound' });
      field.value = state.wish[name] === null ? '' : String(state.wish[name]);
      field.addEventListener('input', () => {
        const value = field.value === '' ? null : Number(field.value);
        change({ [name]: value !== null && Number.isFinite(value) ? value : null });
      });
      return field;
    };
    let timer: ReturnType<typeof setTimeout> | undefined;
    this.#search.addEventListener('input', () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        state.text = this.#search.value;
        void this.#find(0);
      }, SEARCH_DELAY_MS);
    });
    this.#search.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') this.#list.focus();
    });
    return element(
      'div',
      { class: 'controls' },
      ...(sets.length > 1 ? [element('label', {}, 'Of ', set)] : []),
      element('label', {}, 'Show ', verdict),
      element('label', {}, 'First ', order),
      element('label', {}, 'Reward from ', bound('from')),
      element('label', {}, 'to ', bound('to')),
      element('label', {}, 'Search ', this.#search),
      element('label', {}, 'Colour by ', signal),
      this.#onlyPrompt,
    );
  }

  async #find(at: number): Promise<void> {
    const wanted = this.#state.text.trim().toLowerCase();
    this.#asked += 1;
    const asked = this.#asked;
    if (wanted === '') {
      this.#state.wish = { ...this.#state.wish, found: null };
      this.#apply(at);
      return;
    }
    const found = new Set<number>();
    for (let block = 0; block < this.#index.blocks.length; block++) {
      for (const one of await this.#blocks.search(block, wanted)) found.add(one);
      if (asked !== this.#asked) return;
      this.#count.textContent = `searching, ${found.size} so far…`;
    }
    this.#state.wish = { ...this.#state.wish, found };
    this.#apply(at);
  }

  #apply(at: number): void {
    const { wish } = this.#state;
    this.#chosen = chosen(this.#index, wish);
    const all = this.#index.set.length;
    this.#count.textContent = `${this.#chosen.length.toLocaleString('en')} of ${all.toLocaleString('en')} completions`;
    this.#rows.style.height = `${ROW * this.#chosen.length}px`;
    if (wish.prompt === null) this.#onlyPrompt.replaceChildren();
    else {
      const back = element('button', { type: 'button' }, 'All prompts again');
      back.addEventListener('click', () => {
        this.#state.wish = { ...this.#state.wish, prompt: null };
        this.#apply(0);
      });
      this.#onlyPrompt.replaceChildren(back);
    }
    this.#list.scrollTop = 0;
    this.#choose(at);
  }

  #choose(at: number): void {
    const last = this.#chosen.length - 1;
    this.#state.at = Math.max(0, Math.min(last, at));
    const top = ROW * this.#state.at;
    const { scrollTop, clientHeight } = this.#list;
    if (top < scrollTop) this.#list.scrollTop = top;
    else if (top + ROW > scrollTop + clientHeight) this.#list.scrollTop = top + ROW - clientHeight;
    this.#drawRows();
    void this.#drawDetail();
  }

  #listKey(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(this.#list.clientHeight / ROW) - 1);
    const { at } = this.#state;
    const places: Readonly<Record<string, number>> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: this.#chosen.length - 1,
    };
    const to = places[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.#choose(to);
  }

  #drawRows(): void {
    const { scrollTop, clientHeight } = this.#list;
    const first = Math.max(0, Math.floor(scrollTop / ROW) - 4);
    const last = Math.min(this.#chosen.length, Math.ceil((scrollTop + clientHeight) / ROW) + 4);
    const rows: HTMLElement[] = [];
    for (let at = first; at < last; at++) rows.push(this.#row(at));
    this.#rows.replaceChildren(...rows);
    const isThere = this.#state.at >= first && this.#state.at < last;
    if (isThere) this.#list.setAttribute('aria-activedescendant', `row-${this.#state.at}`);
    else this.#list.removeAttribute('aria-activedescendant');
  }

  #row(at: number): HTMLElement {
    const index = this.#index;
    const i = this.#chosen[at]!;
    const verdict = index.verdict[i]!;
    const reward = index.reward[i]!;
    const set = index.sets[index.set[i]!]!;
    const isChosen = at === this.#state.at;
    const row = element(
      'div',
      {
        class: isChosen ? 'row chosen' : 'row',
        role: 'option',
        id: `row-${at}`,
        'data-at': String(at),
        'aria-selected': String(isChosen),
        'aria-setsize': String(this.#chosen.length),
        'aria-posinset': String(at + 1),
      },
      element(
        'span',
        { class: 'line' },
        element('span', { class: verdict === 1 ? 'right-answer' : 'wrong-answer' }, verdictText(verdict)),
        element('span', { class: 'number' }, reward === null ? '' : shortNumber(Number(reward.toPrecision(3)))),
        element('span', { class: 'quiet' }, `#${index.place[i]}${index.sets.length > 1 ? ` ${set.name}` : ''}`),
      ),
      element('span', { class: 'snippet' }, plainCharacters(index.prompts[index.prompt[i]!]!)),
    );
    row.style.top = `${ROW * at}px`;
    return row;
  }

  #drawLegend(): void {
    this.#legend.replaceChildren(scaleLegend(this.#index, this.#state.signal));
  }

  async #drawDetail(): Promise<void> {
    this.#shown += 1;
    const shown = this.#shown;
    const i = this.#chosen[this.#state.at];
    if (i === undefined) {
      this.#detail.replaceChildren(element('p', { class: 'quiet' }, 'No completion is meant by these choices.'));
      return;
    }
    const completion = await this.#blocks.at(i);
    if (shown !== this.#shown) return;
    this.#detail.replaceChildren(
      completionView(this.#index, i, completion, this.#state.signal, () => {
        this.#state.wish = { ...this.#state.wish, prompt: this.#index.prompt[i]! };
        this.#apply(0);
      }),
    );
  }
}

function selectOf<T extends string>(
  choices: readonly (readonly [T, string])[],
  value: string,
  onChange: (value: T) => void,
): HTMLSelectElement {
  const select = element('select', {}, ...choices.map(([one, text]) => element('option', { value: one }, text)));
  select.value = value;
  select.addEventListener('change', () => onChange(select.value as T));
  return select;
}
