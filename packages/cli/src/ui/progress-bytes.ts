import { duration } from './progress-line.ts';

/** Where a download stands. */
export interface BytesState {
  readonly stage: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Undefined while there is nothing to tell it from. */
  readonly bytesPerSecond: number | undefined;
  /** What the bytes belong to. */
  readonly item: string;
}

const MAX_CHARACTERS = 120;
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** One line of at most 120 characters, such as `get    312.4/988.1 MB  31% | 24.1 MB/s | eta 28s | model.safetensors`. */
export function bytesLine({ stage, doneBytes, totalBytes, bytesPerSecond, item }: BytesState): string {
  const { divisor, unit } = unitOf(totalBytes);
  const digits = divisor === 1 ? 0 : 1;
  const total = (totalBytes / divisor).toFixed(digits);
  const done = (doneBytes / divisor).toFixed(digits).padStart(total.length);
  const share = totalBytes > 0 ? Math.floor((100 * doneBytes) / totalBytes) : 100;
  const rate = bytesPerSecond === undefined ? '-' : `${byteCount(bytesPerSecond)}/s`;
  const seconds = bytesPerSecond ? (totalBytes - doneBytes) / bytesPerSecond : undefined;
  const left = doneBytes >= totalBytes ? [] : [`eta ${seconds === undefined ? '-' : duration(seconds)}`];
  const head = `${stage.padEnd(6)} ${done}/${total} ${unit} ${String(share).padStart(3)}%`;
  return [head, rate, ...left, item].join(' | ').slice(0, MAX_CHARACTERS);
}

/** `988.1 MB`, in powers of a thousand as disks and hubs count. */
export function byteCount(bytes: number): string {
  const { divisor, unit } = unitOf(bytes);
  return `${(bytes / divisor).toFixed(divisor === 1 ? 0 : 1)} ${unit}`;
}

function unitOf(bytes: number): { readonly divisor: number; readonly unit: string } {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  return { divisor: 1000 ** power, unit: UNITS[power] as string };
}
