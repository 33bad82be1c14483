import { visibleText } from '../data/visible-text.ts';
import type { ShadedText, ShownSample } from './shown-sample.ts';

export interface SampleToPrint {
  readonly sample: ShownSample;
  readonly pieces: readonly ShadedText[];
}

/** Eight steps from red over dark grey to green, of the 256 colours that terminals share. */
const SHADES = [88, 52, 236, 236, 238, 22, 28, 34];
const RESET = '\u001b[0m';

/** Completions one under the other. With colour, the background of a token says its reward on a scale that all share. */
export function samplesText(shown: readonly SampleToPrint[], hasColour: boolean): string {
  const rewards = shown.flatMap(({ pieces }) => pieces.map(({ reward }) => reward)).filter(isKnown);
  const range = { least: Math.min(...rewards), most: Math.max(...rewards) };
  const blocks = shown.map(({ sample, pieces }) => {
    const { name, stage, step, prompt, isCorrect, answer, gold, reward } = sample;
    const facts = [
      visibleText(name),
      ...(stage === null ? [] : [visibleText(stage)]),
      ...(step === null ? [] : [`step ${step}`]),
      isCorrect ? 'right' : 'wrong',
      `answer ${answer === null ? 'none' : visibleText(answer)}`,
      ...(gold === null ? [] : [`gold ${visibleText(gold)}`]),
      ...(reward === null ? [] : [`reward ${reward.toFixed(3)}`]),
    ];
    const text = pieces.map((piece) => pieceText(piece, range, hasColour)).join('');
    return `--- ${facts.join(' | ')}\n${visibleText(prompt).trimEnd()}\n>>> ${text.trimEnd()}\n`;
  });
  if (rewards.length > 0) {
    blocks.push(
      hasColour
        ? `rewards of tokens: ${shade(` ${range.least.toFixed(2)} `, 0)} to ${shade(` ${range.most.toFixed(2)} `, 1)}\n`
        : `rewards of tokens: ${range.least.toFixed(2)} to ${range.most.toFixed(2)}\n`,
    );
  }
  return blocks.join('\n');
}

function pieceText(
  { text, reward }: ShadedText,
  { least, most }: { readonly least: number; readonly most: number },
  hasColour: boolean,
): string {
  const visible = visibleText(text);
  if (!hasColour || !isKnown(reward)) return visible;
  const share = most > least ? (reward - least) / (most - least) : 0.5;
  // A background that runs on into the next line would colour the rest of the terminal's line.
  return visible
    .split('\n')
    .map((part) => (part === '' ? '' : shade(part, share)))
    .join('\n');
}

/** @param share 0 for the least reward, 1 for the most */
function shade(text: string, share: number): string {
  const index = Math.min(SHADES.length - 1, Math.floor(share * SHADES.length));
  return `\u001b[38;5;255;48;5;${SHADES[index]}m${text}${RESET}`;
}

function isKnown(reward: number | null): reward is number {
  return reward !== null && Number.isFinite(reward);
}
