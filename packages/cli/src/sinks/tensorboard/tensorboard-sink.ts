import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { MetricRow } from '@dawngrad/airl';
import { metricPoint } from '../metric-point.ts';
import type { MetricSink } from '../metric-sink.ts';
import { restartEvent, scalarsEvent, versionEvent } from './event.ts';
import { readTfRecords, tfRecord } from './tf-record.ts';

/** Events before the first row. */
const HEAD_EVENTS = 2;
const PREFIX = 'events.out.tfevents.';

/**
 * A TensorBoard event file, one event a row. Where a run goes back to a checkpoint, the events of the rows that stay
 * move into a new file, which takes the old one's place: no reader finds a step twice.
 */
export class TensorboardSink implements MetricSink {
  readonly #folder: string;
  readonly #nowMs: () => number;
  #file: number | undefined;

  /** @param nowMs milliseconds since 1970 */
  constructor(folder: string, nowMs: () => number) {
    this.#folder = folder;
    this.#nowMs = nowMs;
  }

  follow(rows: readonly MetricRow[]): void {
    this.#closeFile();
    mkdirSync(this.#folder, { recursive: true });
    const old = readdirSync(this.#folder)
      .filter((name) => name.startsWith(PREFIX))
      .sort();
    const kept = old.flatMap((name) => readTfRecords(readFileSync(join(this.#folder, name))).slice(HEAD_EVENTS));
    const events = rows.map((row, i) => kept[i] ?? this.#recordOf(row));
    const head = [versionEvent(this.#seconds), restartEvent(this.#seconds)].map(tfRecord);
    const path = join(this.#folder, this.#nameAfter(old.at(-1)));
    const partial = join(this.#folder, 'partial');
    this.#file = openSync(partial, 'w');
    writeWhole(this.#file, Buffer.concat([...head, ...events]));
    renameSync(partial, path);
    for (const name of old) rmSync(join(this.#folder, name));
  }

  row(row: MetricRow): void {
    if (this.#file !== undefined) writeWhole(this.#file, this.#recordOf(row));
  }

  async close(): Promise<void> {
    this.#closeFile();
  }

  get #seconds(): number {
    return this.#nowMs() / 1000;
  }

  #recordOf(row: MetricRow): Uint8Array {
    return tfRecord(scalarsEvent(this.#seconds, metricPoint(row)));
  }

  /** Names sort by the second in them, in the order in which viewers read the files. */
  #nameAfter(old: string | undefined): string {
    const last = old === undefined ? 0 : Number(/\d+/.exec(old.slice(PREFIX.length))?.[0] ?? 0);
    return `${PREFIX}${String(Math.max(last + 1, Math.floor(this.#seconds))).padStart(10, '0')}.dawngrad`;
  }

  #closeFile(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

function writeWhole(file: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
}
