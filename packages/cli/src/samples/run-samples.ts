import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Tokenizer } from '@dawngrad/models';
import { ToolError } from '@dawngrad/tensor';
import type { CommandContext } from '../commands/command-context.ts';
import { openCodecModel } from '../data/open-codec-model.ts';
import { evaluationRowFiles } from '../evaluation/evaluation-folder.ts';
import { readJsonLines } from '../read-run/read-json-lines.ts';
import { configValue, readRunFolder } from '../read-run/run-folder.ts';
import { samplesText } from './samples-text.ts';
import { type ShownSample, shadedText, shownSample } from './shown-sample.ts';

export interface SamplesOptions {
  readonly step?: number;
  readonly correct?: boolean;
  readonly wrong?: boolean;
  readonly sort: 'file' | 'reward' | '-reward';
  readonly count: number;
  readonly json?: boolean;
}

const SAMPLES = 'samples.jsonl';

/** Prints completions of a run. */
export async function runSamples(name: string, options: SamplesOptions, { out, err }: CommandContext): Promise<void> {
  const file = sampleFile(name);
  const { rows, isCut } = readJsonLines(file);
  if (isCut) err(`note: the last line of ${file} is not whole and is left out\n`);
  const all = rows.map((row, i) => {
    const sample = shownSample(row);
    if (sample !== undefined) return sample;
    throw new ToolError('config', {
      op: `${file}:${i + 1}`,
      expected: 'a sample (with completion) or an evaluated row (with generation)',
      got: `the fields ${Object.keys(row).slice(0, 6).join(', ')}`,
    });
  });
  const chosen = choose(all, options);
  const shown = chosen.slice(0, options.count);
  if (options.json === true) {
    out(shown.map(({ row }) => `${JSON.stringify(row)}\n`).join(''));
    return;
  }
  if (shown.length === 0) {
    out(`none of the ${all.length} completions in ${file} is meant${stepsHint(all, options.step)}\n`);
    return;
  }
  const tokenizer = await tokenizerOf(name);
  const hasColour = process.stdout.isTTY === true && !process.env.NO_COLOR;
  const printed = shown.map((sample) => ({ sample, pieces: shadedText(sample, tokenizer) }));
  out(samplesText(printed, hasColour));
  if (chosen.length > shown.length) out(`\n${shown.length} of ${chosen.length} shown; -n ${chosen.length} shows all\n`);
}

function sampleFile(name: string): string {
  if (existsSync(name) && statSync(name).isFile()) return name;
  const found = [join(name, SAMPLES), ...evaluationRowFiles(name)].find(
    (file) => existsSync(file) && statSync(file).size > 0,
  );
  if (found !== undefined) return found;
  throw new ToolError('config', {
    op: name,
    expected: `a run with ${SAMPLES}, an evaluation with rows, or such a file`,
    got: existsSync(name) ? 'none in it' : 'no such path',
    hint: 'dawngrad ls lists the runs below a folder.',
  });
}

/** Without a step: those of the last step of the last stage. */
function choose(all: readonly ShownSample[], { step, correct, wrong, sort }: SamplesOptions): ShownSample[] {
  const last = all.at(-1);
  const found = all.filter((sample) => {
    const isOfStep =
      step === undefined ? sample.step === last?.step && sample.stage === last.stage : sample.step === step;
    if (!isOfStep) return false;
    return (correct !== true || sample.isCorrect) && (wrong !== true || !sample.isCorrect);
  });
  if (sort === 'file') return found;
  const sign = sort === 'reward' ? -1 : 1;
  // Those without a reward come last either way.
  const key = ({ reward }: ShownSample): number => (reward === null || Number.isNaN(reward) ? Infinity : sign * reward);
  return found.sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}

function stepsHint(all: readonly ShownSample[], step: number | undefined): string {
  const steps = [...new Set(all.map((sample) => sample.step))].filter((one) => one !== null);
  if (step === undefined || steps.length === 0) return '';
  return `; there are samples of the steps ${steps.slice(0, 8).join(', ')}${steps.length > 8 ? ' and later' : ''}`;
}

/** The tokenizer of the model that the run trained or evaluated; undefined where it is not at hand. */
async function tokenizerOf(name: string): Promise<Tokenizer | undefined> {
  if (!existsSync(join(name, 'config.lock.json'))) return undefined;
  const model = configValue(readRunFolder(name).config, 'policy.model');
  for (const place of [name, ...(typeof model === 'string' ? [model] : [])]) {
    try {
      return (await openCodecModel(place)).tokenizer;
    } catch (error) {
      // A run without a checkpoint, or a model that was moved: the text is shown in one piece.
      if (!(error instanceof ToolError)) throw error;
    }
  }
  return undefined;
}
