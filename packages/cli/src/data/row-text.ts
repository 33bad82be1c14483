import { styleText } from 'node:util';
import type { ShownRow, ShownToken } from './shown-row.ts';
import { visibleText } from './visible-text.ts';

const REASONS = {
  completion: 'the completion, its end token included',
  generation: "the template's generation blocks",
  prefix: "what the template writes behind the prompt of each of the assistant's turns",
  content: "the last turn's own text: the template does not write it behind the turn's prompt",
} as const satisfies Record<ShownRow['by'], string>;

/**
 * A row for people: runs of tokens that are trained or not, each with its text, token by token, and its ids. With colour
 * trained text is green, special tokens are magenta and the rest is grey; every other token is underlined. Without, bars
 * stand between tokens.
 */
export function rowText({ name, tokens, by }: ShownRow, hasColour: boolean): string {
  const count = (some: readonly ShownToken[]): string => `${some.length} token${some.length === 1 ? '' : 's'}`;
  const trained = tokens.filter((token) => token.trained);
  const lines = [
    `${visibleText(name)}: ${count(tokens)}, ${trained.length} trained (${REASONS[by]})`,
    hasColour
      ? `${styleText('green', 'trained')} ${styleText('gray', 'not trained')} ${styleText('magenta', 'special token')}; every other token is underlined`
      : '| stands between tokens, · for one that completes no character',
  ];
  for (const run of runs(tokens)) {
    const kind = run[0]?.trained === true ? 'trained' : 'not trained';
    lines.push(
      '',
      `--- ${kind}, ${count(run)}`,
      runText(run, hasColour).trimEnd(),
      `ids ${run.map(({ id }) => id).join(' ')}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** Tokens of one kind that follow each other. */
function runs(tokens: readonly ShownToken[]): ShownToken[][] {
  const found: ShownToken[][] = [];
  for (const token of tokens) {
    const last = found.at(-1);
    if (last?.[0]?.trained === token.trained) last.push(token);
    else found.push([token]);
  }
  return found;
}

function runText(run: readonly ShownToken[], hasColour: boolean): string {
  const texts = run.map((token) => (token.text === '' ? '·' : visibleText(token.text)));
  if (!hasColour) return texts.join('|');
  return run
    .map(({ trained, special }, i) => {
      const colour = special ? 'magenta' : trained ? 'green' : 'gray';
      // An underline that runs on into the next line of the terminal would not end there.
      const parts = (texts[i] as string).split('\n');
      const styled = parts.map((part) =>
        part === '' ? '' : i % 2 === 1 ? styleText([colour, 'underline'], part) : styleText(colour, part),
      );
      return styled.join('\n');
    })
    .join('');
}
