import { MEMORY_PARTS, type PhaseMeasure } from '@dawngrad/airl';
import { plainText } from '../ui/plain-text.ts';
import { byteCount } from '../ui/progress-bytes.ts';
import type { Plan } from './plan.ts';

/** A plan for the terminal, at most 100 columns. */
export function planText(plan: Plan): string {
  const { phases, budgetBytes, peakBytes, fits, knobs } = plan;
  const peak = phases.reduce((most, phase) => (phase.peakBytes > most.peakBytes ? phase : most));
  const lines = [
    `plan: ${plan.kind}, ${plainText(plan.model)}, ${number(plan.parameters)} parameters`,
    `adapter: ${plan.adapter}, bindings of ${byteCount(plan.bindingBytes)}, budget ${byteCount(budgetBytes)}`,
    '',
    ...table([
      ['phase', 'peak', 'of it passing', 'work once', 'tokens', 'times', ''],
      ...phases.map((phase) => [
        phase.name,
        byteCount(phase.peakBytes),
        byteCount(passing(phase)),
        work(phase.flops),
        number(phase.tokens),
        phase.times === undefined ? '?' : number(phase.times),
        phase.refused !== undefined ? 'over budget' : phase.slots === undefined ? '' : `${phase.slots} at once`,
      ]),
    ]),
    '',
    `at the peak (${peak.name}):`,
    ...table(
      MEMORY_PARTS.filter((part) => peak.parts[part] > 0).map((part) => [`  ${part}`, byteCount(peak.parts[part])]),
    ),
    '',
    fits
      ? `fits: ${byteCount(peakBytes)} of ${byteCount(budgetBytes)}`
      : `does not fit: needs at least ${byteCount(peakBytes)}, the budget is ${byteCount(budgetBytes)}`,
    plan.largestMicroBatchTokens === 0
      ? `largest micro-batch: none, one row of ${plan.longestRowTokens} tokens is too much`
      : `largest micro-batch: ${number(plan.largestMicroBatchTokens)} tokens (rows of ${plan.longestRowTokens})`,
    ...(knobs.length === 0 ? [] : ['cheapest ways to less memory in updates:']),
    ...table(
      knobs.map(({ overrides, savedBytes, extraWork, effect }) => [
        `  ${overrides.join(' ')}`,
        `-${byteCount(savedBytes)}`,
        `${extraWork >= 0.005 ? `+${Math.round(100 * extraWork)} %` : 'no'} work`,
        effect,
      ]),
    ),
    '',
    `${plan.steps === undefined ? '' : `steps: ${number(plan.steps)}; `}work of a step: ${work(plan.stepFlops)}`,
    plan.totalFlops === undefined || plan.totalTokens === undefined
      ? 'in all: depends on the number of prompts; set data.max_rows'
      : `in all: ${number(plan.totalTokens)} tokens through a model, ${work(plan.totalFlops)}`,
    ...(plan.keptCheckpoints === 0
      ? []
      : [
          `checkpoint: ${byteCount(plan.checkpointBytes)}, ${byteCount(plan.checkpointBytes * (plan.keptCheckpoints + 1))} of disk at most while one is written; a save takes ${byteCount(plan.hostBytes)} of host memory`,
        ]),
    'not known here:',
    ...plan.unknown.map((what) => `  ${what}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** Bytes that are given back when the phase ends. */
function passing({ parts }: PhaseMeasure): number {
  return parts['kv cache'] + parts.activations + parts.workspace;
}

function number(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** `12.3 TFLOP` */
function work(flops: number): string {
  const units = ['FLOP', 'kFLOP', 'MFLOP', 'GFLOP', 'TFLOP', 'PFLOP', 'EFLOP', 'ZFLOP'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, flops)) / 3)));
  return `${(flops / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, i) => (i === 0 || i === row.length - 1 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
}
