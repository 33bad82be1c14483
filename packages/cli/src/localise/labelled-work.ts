import { type DataRow, datasets, processRow, solutionText } from '@dawngrad/airl';
import { readRows } from '@dawngrad/airl/node';
import { type LabelledOptions, type SpanTrace, type StepTrace, summariseSpans, summariseSteps } from '@dawngrad/eval';
import { ToolError } from '@dawngrad/tensor';
import { devShare } from './dev-share.ts';
import type { LocaliseOptions } from './localise-options.ts';
import { spanText, stepText } from './localise-text.ts';
import type { LocaliseWork } from './localise-work.ts';
import { preferenceSteps } from './preference-steps.ts';
import { spanRow } from './span-row.ts';
import type { TraceRequest, TraceText } from './trace-text.ts';

/** Share of the traces on which thresholds are fitted, unless said. */
const DEV_FRACTION = 0.2;
const OPEN = '<think>\n';
const CLOSE = '\n</think>';

/** Solutions in steps, the first wrong one marked: rows of ProcessBench, or in the style of PRM800K. */
export async function stepWork(text: TraceText, options: LocaliseOptions): Promise<LocaliseWork> {
  const traces: TraceRequest[] = [];
  const planned: Omit<StepTrace, 'signals'>[] = [];
  const leftOut = { 'without a usable label': 0, 'over the limits': 0, 'steps that share a token': 0 };
  for (const row of await rowsOf(options)) {
    const solution = options.labels === 'processbench' ? processRow(row) : preferenceSteps(row);
    if (solution === undefined) {
      leftOut['without a usable label']++;
      continue;
    }
    const { text: reasoning, ends } = solutionText(solution);
    const promptIds = promptOf(solution.problem, text, options);
    // As experts write: the solution in a think block.
    const completion = `${OPEN}${reasoning}${CLOSE}`;
    const completionIds = text.completion(completion);
    if (isOver(promptIds, completionIds, options)) {
      leftOut['over the limits']++;
      continue;
    }
    const stepEnds = text.tokensBefore(
      completionIds,
      completion,
      ends.map((end) => OPEN.length + end),
    );
    if (stepEnds.some((end, step) => end <= (step === 0 ? 0 : stepEnds[step - 1]!))) {
      leftOut['steps that share a token']++;
      continue;
    }
    const id = `${planned.length}/${solution.id}`;
    traces.push({ id, promptIds, completionIds, stepEnds });
    planned.push({
      id,
      cluster: solution.problem,
      stratum: solution.generator ?? 'all',
      stepEnds,
      firstError: solution.firstError,
    });
  }
  refuseNone(planned.length, leftOut, options);
  return {
    traces,
    leftOut,
    finish: (signalsOf) => {
      const scored = planned.map((trace): StepTrace => ({ ...trace, signals: signalsOf(trace.id) }));
      const summary = summariseSteps(scored, labelledOptions(scored, options, [1]));
      const rows = scored.map(({ signals, ...trace }) => ({ ...trace, ...signals }));
      return { summary, details: { file: 'case_details.jsonl', rows }, text: stepText(summary) };
    },
  };
}

/** Wrong traces with the characters of the first error marked, and their clean versions where there are such. */
export async function spanWork(
  text: TraceText,
  options: LocaliseOptions,
  intervals: readonly number[],
): Promise<LocaliseWork> {
  const traces: TraceRequest[] = [];
  const planned: (Omit<SpanTrace, 'signals' | 'clean'> & { readonly cleanId?: string })[] = [];
  const leftOut = { 'over the limits': 0, 'a span without a token': 0 };
  for (const row of await rowsOf(options)) {
    const { prompt, completion, start, end, clean, stratum } = spanRow(row);
    const promptIds = promptOf(prompt, text, options);
    const completionIds = text.completion(completion);
    const cleanIds = clean === undefined ? undefined : text.completion(clean);
    if (isOver(promptIds, completionIds, options) || (cleanIds !== undefined && isOver(promptIds, cleanIds, options))) {
      leftOut['over the limits']++;
      continue;
    }
    // The token that holds the first wrong character may begin before it.
    const [after, before] = text.tokensBefore(completionIds, completion, [start + 1, end]) as [number, number];
    const first = after - 1;
    if (first < 0 || before <= first) {
      leftOut['a span without a token']++;
      continue;
    }
    const id = String(planned.length);
    traces.push({ id, promptIds, completionIds });
    const cleanId = cleanIds === undefined ? undefined : `${id}/clean`;
    if (cleanIds !== undefined) traces.push({ id: cleanId as string, promptIds, completionIds: cleanIds });
    planned.push({
      id,
      cluster: prompt,
      stratum,
      errorTokens: Array.from({ length: before - first }, (_, i) => first + i),
      ...(cleanId === undefined ? {} : { cleanId }),
    });
  }
  refuseNone(planned.length, leftOut, options);
  return {
    traces,
    leftOut,
    finish: (signalsOf) => {
      const scored = planned.map(
        ({ cleanId, ...trace }): SpanTrace => ({
          ...trace,
          signals: signalsOf(trace.id),
          ...(cleanId === undefined ? {} : { clean: signalsOf(cleanId) }),
        }),
      );
      const summary = summariseSpans(scored, labelledOptions(scored, options, intervals));
      const rows = scored.map(({ signals, clean, ...trace }) => ({
        ...trace,
        ...signals,
        ...(clean === undefined ? {} : { clean_critic: clean.critic }),
      }));
      return { summary, details: { file: 'case_details.jsonl', rows }, text: spanText(summary) };
    },
  };
}

async function rowsOf({ data, startIndex, maxExamples }: LocaliseOptions): Promise<DataRow[]> {
  const rows: DataRow[] = [];
  let place = 0;
  for await (const row of readRows(data)) {
    if ('fault' in row) throw row.fault;
    if (place++ < startIndex) continue;
    rows.push(row);
    if (rows.length === maxExamples) break;
  }
  return rows;
}

function promptOf(problem: string, text: TraceText, { dataFormat, system }: LocaliseOptions): Uint32Array {
  const { system: instruction } = datasets.get(dataFormat);
  if (instruction === undefined) return text.prompt(problem);
  return system ? text.prompt(problem, instruction) : text.prompt(`${instruction}\n\n${problem}`);
}

function isOver(promptIds: Uint32Array, completionIds: Uint32Array, options: LocaliseOptions): boolean {
  return promptIds.length > options.maxPromptTokens || completionIds.length > options.maxCompletionTokens;
}

function refuseNone(count: number, leftOut: Readonly<Record<string, number>>, { data }: LocaliseOptions): void {
  if (count > 0) return;
  const reasons = Object.entries(leftOut).filter(([, number]) => number > 0);
  throw new ToolError('config', {
    op: data,
    expected: 'at least one labelled trace',
    got: reasons.map(([why, number]) => `${number} ${why}`).join(', ') || 'no rows from --start-index on',
  });
}

function labelledOptions(
  traces: readonly { readonly cluster: string }[],
  options: LocaliseOptions,
  intervals: readonly number[],
): LabelledOptions {
  return {
    intervals,
    windows: options.windows,
    hitKs: options.hitKs,
    window: options.localWindow,
    dev: devShare(new Set(traces.map(({ cluster }) => cluster)), options.devFraction ?? DEV_FRACTION, options.seed),
    resamples: options.resamples ?? 2000,
    seed: options.seed,
  };
}
