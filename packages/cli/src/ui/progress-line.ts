import type { Phase } from '@dawngrad/airl';
import type { Eta } from './run-eta.ts';

/** Where the step at hand is. */
export interface PhaseState {
  readonly phase: Phase;
  readonly done: number;
  /** 0: it has no parts to count. */
  readonly total: number;
  readonly tokens: number | undefined;
}

/** Where a stage stands. */
export interface StageState {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** What the step at hand does; shown in the place of the shares of the last one. */
  readonly phase?: PhaseState | undefined;
  /** Undefined while there is nothing to tell it from. */
  readonly eta: Eta | undefined;
}

/** Characters of a line, unless the terminal has fewer. */
export const MAX_CHARACTERS = 120;

interface Column {
  /** Keys of the metric dictionary, in the order in which the text takes them. */
  readonly keys: readonly string[];
  readonly show: (values: readonly number[]) => string;
  /** Where a line is too long, the columns with the highest number give way first; those without one stay. */
  readonly givesWay?: number;
}

/**
 * Columns from left to right; a stage shows those whose first metric it has. With a reward, the loss is left out: it
 * is near 0 by construction. The critic's loss stands for it where there is neither, as in the critic's warm-up.
 */
const COLUMNS: readonly Column[] = [
  { keys: ['loss'], show: ([loss]) => `loss ${fixed(loss!)}` },
  { keys: ['disc/loss'], show: ([loss]) => `loss ${fixed(loss!)}` },
  {
    keys: ['reward', 'reward_std'],
    show: ([mean, std]) => `R ${fixed(mean!)}${std === undefined ? '' : `±${fixed(std, 2)}`}`,
  },
  { keys: ['accuracy'], show: ([share]) => `acc ${fixed(share!, 2)}`, givesWay: 1 },
  { keys: ['disc/acc'], show: ([share]) => `critic ${fixed(share!, 2)}`, givesWay: 3 },
  { keys: ['kl'], show: ([kl]) => `kl ${fixed(kl!)}`, givesWay: 4 },
  { keys: ['completions/mean_length'], show: ([length]) => `len ${Math.round(length!)}`, givesWay: 5 },
  {
    keys: ['completions/clipped_ratio'],
    show: ([share]) => `trunc ${Math.round(share! * 100)}%`,
    givesWay: 6,
  },
];

/** How phases are called in a line, in the order of a step. */
const SHARES = [
  ['rollout', 'roll'],
  ['critic', 'crit'],
  ['reward', 'score'],
  ['update', 'upd'],
  ['eval', 'eval'],
  ['save', 'save'],
] as const satisfies readonly (readonly [Phase, string])[];

interface Part {
  readonly text: string;
  readonly givesWay?: number | undefined;
}

/**
 * One line, such as
 * `grpo   12/500   2% | R 0.412±0.30 | acc 0.38 | kl 0.021 | roll 61 score 2 upd 37% | 4.1k tok/s | eta 41m05s`:
 * the shares are those of the time since the line before, in percent; while a step goes on, `rollout 31/64 2.1k tok`
 * is in their place. An eta with a plus does not count a stage that has not begun.
 */
export function progressLine(state: StageState, maxCharacters = MAX_CHARACTERS): string {
  const { stage, done, total, metrics, eta } = state;
  const width = String(total).length;
  const share = total > 0 ? Math.floor((100 * done) / total) : 100;
  const parts: Part[] = [
    { text: `${stage.padEnd(6)} ${String(done).padStart(width)}/${total} ${String(share).padStart(3)}%` },
  ];
  for (const { keys, show, givesWay } of COLUMNS) {
    const values = keys.map((key) => metrics[key]).filter((value) => value !== undefined);
    const isIdle =
      (keys[0] === 'loss' && metrics.reward !== undefined) ||
      (keys[0] === 'disc/loss' && (metrics.reward ?? metrics.loss) !== undefined);
    if (metrics[keys[0]!] !== undefined && !isIdle) parts.push({ text: show(values), givesWay });
  }
  const activity = state.phase === undefined ? shares(metrics) : phaseText(state.phase);
  if (activity !== '') parts.push({ text: activity, givesWay: 2 });
  const rate = metrics['perf/tokens_per_second'];
  if (rate !== undefined) parts.push({ text: `${shortCount(rate)} tok/s`, givesWay: 0 });
  if (done < total) {
    parts.push({ text: `eta ${eta === undefined ? '-' : `${duration(eta.seconds)}${eta.isAtLeast ? '+' : ''}`}` });
  }
  const line = (): string => parts.map(({ text }) => text).join(' | ');
  while (line().length > maxCharacters) {
    const first = Math.max(...parts.map(({ givesWay = -1 }) => givesWay));
    if (first < 0) break;
    parts.splice(
      parts.findLastIndex(({ givesWay }) => givesWay === first),
      1,
    );
  }
  return line().slice(0, maxCharacters);
}

/** `roll 61 score 2 upd 37%`; empty where a step has one phase only. */
function shares(metrics: Readonly<Record<string, number>>): string {
  const found = SHARES.flatMap(([phase, name]) => {
    const share = metrics[`time/${phase}_share`];
    return share === undefined || share < 0.005 ? [] : [`${name} ${Math.round(100 * share)}`];
  });
  return found.length < 2 ? '' : `${found.join(' ')}%`;
}

/** `rollout 31/64 2.1k tok`. */
function phaseText({ phase, done, total, tokens }: PhaseState): string {
  const count = total === 0 ? '' : ` ${done}/${total}`;
  return `${phase}${count}${tokens === undefined ? '' : ` ${shortCount(tokens)} tok`}`;
}

/** A number with a fixed count of decimals; a very large one in powers of ten, so that the columns hold. */
function fixed(value: number, digits = 3): string {
  return Math.abs(value) < 1e4 || !Number.isFinite(value) ? value.toFixed(digits) : value.toExponential(1);
}

function shortCount(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)}M`;
  return value >= 1e3 ? `${(value / 1e3).toFixed(1)}k` : String(Math.round(value));
}

/** `42s`, `12m05s`, `3h07m`, `2d04h`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const pair = (big: number, bigUnit: string, small: number, smallUnit: string): string =>
    `${big}${bigUnit}${String(small).padStart(2, '0')}${smallUnit}`;
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return pair(Math.floor(whole / 60), 'm', whole % 60, 's');
  if (whole < 86_400) return pair(Math.floor(whole / 3600), 'h', Math.floor(whole / 60) % 60, 'm');
  return pair(Math.floor(whole / 86_400), 'd', Math.floor(whole / 3600) % 24, 'h');
}
