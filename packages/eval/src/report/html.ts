import { plainCharacters } from './plain-characters.ts';

/** Markup that is safe to put into a page as it stands. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

type Part = Html | string | number | null | undefined | readonly Part[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Escapes text for element content and quoted attributes alike; what would not show is made to show. */
export function escapeHtml(text: string): string {
  return plainCharacters(text).replace(/[&<>"']/g, (char) => ENTITIES[char]!);
}

/** Markup of our own, which is put into the page as it stands. */
export function markup(text: string): Html {
  return new Html(text);
}

/**
 * Template tag: every interpolated string is escaped, nested `Html` is kept, lists are joined,
 * null is nothing. Escaping is what happens by default, not what one must remember.
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.reduce((text, string, i) => text + render(parts[i - 1]) + string));
}

function render(part: Part): string {
  if (part === null || part === undefined) return '';
  if (part instanceof Html) return part.markup;
  if (typeof part === 'string') return escapeHtml(part);
  if (typeof part === 'number') return String(part);
  return part.map(render).join('');
}
