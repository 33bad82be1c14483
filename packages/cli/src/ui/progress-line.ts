/** Where a stage stands. */
export interface StageState {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** Time left in seconds; undefined while there is nothing to tell it from. */
  readonly etaSeconds: number | undefined;
}

const MAX_CHARACTERS = 120;

interface Column {
  /** Keys of the metric dictionary, in the order in which the text takes them. */
  readonly keys: readonly string[];
  readonly show: (values: readonly number[]) => string;
}

/**
 * Columns from left to right; a stage shows those whose first metric it has. Where a line is too long, the
 * rightmost columns but the rate give way. With a reward, the loss is left out: it is near 0 by construction.
 * The critic's loss stands for it where there is neither, as in the critic's warm-up.
 */
const COLUMNS: readonly Column[] = [
  { keys: ['loss'], show: ([loss]) => `loss ${fixed(loss!)}` },
  { keys: ['disc/loss'], show: ([loss]) => `loss ${fixed(loss!)}` },
  {
    keys: ['reward', 'reward_std'],
    show: ([mean, std]) => `R ${fixed(mean!)}${std === undefined ? '' : `±${fixed(std, 2)}`}`,
  },
  { keys: ['accuracy'], show: ([share]) => `acc ${fixed(share!, 2)}` },
  { keys: ['disc/acc'], show: ([share]) => `critic ${fixed(share!, 2)}` },
  { keys: ['kl'], show: ([kl]) => `kl ${fixed(kl!)}` },
  { keys: ['completions/mean_length'], show: ([length]) => `len ${Math.round(length!)}` },
  { keys: ['completions/clipped_ratio'], show: ([share]) => `trunc ${Math.round(share! * 100)}%` },
  { keys: ['perf/tokens_per_second'], show: ([rate]) => `${shortCount(rate!)} tok/s` },
];

/** One line of at most 120 characters, such as `sft   12/500   2% | loss 1.234 | 4.1k tok/s | eta 41m`. */
export function progressLine({ stage, done, total, metrics, etaSeconds }: StageState): string {
  const width = String(total).length;
  const share = total > 0 ? Math.floor((100 * done) / total) : 100;
  const head = `${stage.padEnd(6)} ${String(done).padStart(width)}/${total} ${String(share).padStart(3)}%`;
  const parts = COLUMNS.flatMap(({ keys, show }) => {
    const values = keys.map((key) => metrics[key]).filter((value) => value !== undefined);
    const isIdle =
      (keys[0] === 'loss' && metrics.reward !== undefined) ||
      (keys[0] === 'disc/loss' && (metrics.reward ?? metrics.loss) !== undefined);
    return metrics[keys[0]!] === undefined || isIdle ? [] : [show(values)];
  });
  const eta = done >= total ? [] : [`eta ${etaSeconds === undefined ? '-' : duration(etaSeconds)}`];
  const line = (): string => [head, ...parts, ...eta].join(' | ');
  while (line().length > MAX_CHARACTERS && parts.length > 2) parts.splice(-2, 1);
  return line().slice(0, MAX_CHARACTERS);
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
