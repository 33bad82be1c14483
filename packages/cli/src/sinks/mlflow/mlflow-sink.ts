import { readFileSync, writeFileSync } from 'node:fs';
import type { MetricRow } from '@dawngrad/airl';
import { metricPoint } from '../metric-point.ts';
import type { MetricSink, RunEnd } from '../metric-sink.ts';
import { MlflowClient, MlflowError, type MlflowMetric } from './mlflow-client.ts';

export interface MlflowSinkOptions {
  readonly trackingUri: string;
  readonly authorization: string | undefined;
  readonly experiment: string;
  readonly runName: string;
  /** The resolved configuration; told once, as the run is made. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Where the id of the run is kept for a later start. */
  readonly stateFile: string;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  readonly note: (text: string) => void;
  readonly patience?: Patience;
}

/** Milliseconds. */
export interface Patience {
  readonly request: number;
  /** Before a second try; it doubles with each further one. */
  readonly retry: number;
  readonly longestRetry: number;
  /** For what is still to send as the run ends. */
  readonly close: number;
}

const PATIENCE: Patience = { request: 10_000, retry: 1000, longestRetry: 60_000, close: 10_000 };

/** Limits of a request: MLflow's, and of values for servers that are older. */
const BATCH = { metrics: 1000, parameters: 100, characters: 250 };
/** Values that wait while the server is away; the oldest are dropped. */
const MOST_WAITING = 200_000;

const STATUS = { finished: 'FINISHED', stopped: 'KILLED', failed: 'FAILED' } as const;

/**
 * An MLflow tracking server, by its REST API. Values are sent in the background, many at a time; where the server is
 * away they wait, and a run neither waits for it nor fails with it. A resumed run goes on with the same run of the
 * server, and sends nothing that the server has already: the steps that are done again have the same values.
 */
export class MlflowSink implements MetricSink {
  readonly #options: MlflowSinkOptions;
  readonly #patience: Patience;
  readonly #client: MlflowClient;
  #waiting: MlflowMetric[] = [];
  #dropped = 0;
  #runId: string | undefined;
  /** The last step that the server had of each metric, where it has had a start of this run before. */
  #known = new Map<string, number>();
  #isFirst = true;
  #working: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #isOver = false;
  #hasComplained = false;

  constructor(options: MlflowSinkOptions) {
    this.#options = options;
    this.#patience = options.patience ?? PATIENCE;
    this.#client = new MlflowClient({ ...options, requestMs: this.#patience.request });
  }

  follow(rows: readonly MetricRow[]): void {
    if (this.#isFirst) for (const row of rows) this.row(row);
    // Steps that are done again within a start may have other values: these are sent, and count as the later ones.
    else this.#known.clear();
    this.#isFirst = false;
  }

  row(row: MetricRow): void {
    if (this.#isOver) return;
    const { step, values } = metricPoint(row);
    const timestamp = Math.round(this.#options.nowMs());
    for (const [key, value] of values) this.#waiting.push({ key, value, timestamp, step });
    const surplus = this.#waiting.length - MOST_WAITING;
    if (surplus > 0) this.#dropped += this.#waiting.splice(0, surplus).length;
    this.#start();
  }

  async close(end: RunEnd): Promise<void> {
    if (this.#isOver) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(resolve, this.#patience.close, 'late' as const);
    });
    const outcome = await Promise.race([this.#finish(STATUS[end]).catch(String), late]);
    clearTimeout(timer);
    this.#isOver = true;
    this.#client.stop();
    this.#wake?.();
    const missing = this.#waiting.length + this.#dropped;
    if (missing > 0) this.#note(`${missing} values were not sent; metrics.jsonl has them`);
    else if (outcome !== undefined) this.#note(`the run's end was not sent`);
  }

  async #finish(status: 'FINISHED' | 'KILLED' | 'FAILED'): Promise<undefined> {
    // A wait before another try is cut short: there is not much time.
    this.#wake?.();
    await this.#working;
    if (this.#runId !== undefined && !this.#isOver) {
      await this.#client.setStatus(this.#runId, status, Math.round(this.#options.nowMs()));
    }
  }

  #start(): void {
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
  }

  /** Sends until nothing waits. */
  async #work(): Promise<void> {
    let retryMs = this.#patience.retry;
    while (this.#waiting.length > 0 && !this.#isOver) {
      try {
        this.#runId ??= await this.#openRun();
        this.#waiting = this.#waiting.filter(
          ({ key, step }) => step > (this.#known.get(key) ?? Number.NEGATIVE_INFINITY),
        );
        const batch = this.#waiting.slice(0, BATCH.metrics);
        if (batch.length > 0) await this.#client.logMetrics(this.#runId, batch);
        const sent = new Set(batch);
        this.#waiting = this.#waiting.filter((metric) => !sent.has(metric));
        retryMs = this.#patience.retry;
      } catch (error) {
        if (this.#isOver) return;
        const isPassing = error instanceof MlflowError && error.isPassing;
        if (!isPassing) {
          this.#isOver = true;
          this.#note(`${reason(error)}; it gets no further metrics, metrics.jsonl has them`);
          return;
        }
        if (!this.#hasComplained) this.#note(`${reason(error)}; the run goes on and will try again`);
        this.#hasComplained = true;
        await this.#pause(retryMs);
        retryMs = Math.min(this.#patience.longestRetry, 2 * retryMs);
      }
    }
  }

  /** The run of an earlier start, or a new one with its parameters. */
  async #openRun(): Promise<string> {
    const held = this.#heldRun();
    const lastSteps = held === undefined ? undefined : await this.#client.lastSteps(held);
    if (held !== undefined && lastSteps !== undefined) {
      this.#known = lastSteps;
      await this.#client.setStatus(held, 'RUNNING');
      return held;
    }
    const { experiment, runName, parameters, stateFile, trackingUri, nowMs } = this.#options;
    const id = await this.#client.createRun(await this.#client.experiment(experiment), runName, Math.round(nowMs()));
    writeFileSync(stateFile, `${JSON.stringify({ trackingUri, runId: id }, null, 2)}\n`);
    const params = flat(parameters);
    for (let at = 0; at < params.length; at += BATCH.parameters) {
      await this.#client.logParameters(id, params.slice(at, at + BATCH.parameters));
    }
    return id;
  }

  #heldRun(): string | undefined {
    try {
      const held = JSON.parse(readFileSync(this.#options.stateFile, 'utf8')) as Record<string, unknown>;
      return held.trackingUri === this.#options.trackingUri && typeof held.runId === 'string' ? held.runId : undefined;
    } catch {
      return undefined;
    }
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }

  #note(text: string): void {
    this.#options.note(`note: mlflow: ${text}`);
  }
}

/** Dotted keys and short texts. */
function flat(value: unknown, key = ''): { key: string; value: string }[] {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return Object.entries(value).flatMap(([name, inner]) => flat(inner, key === '' ? name : `${key}.${name}`));
  }
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return [{ key, value: text.slice(0, BATCH.characters) }];
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
