/** A value of a metric, as `runs/log-batch` takes it. */
export interface MlflowMetric {
  readonly key: string;
  readonly value: number;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly step: number;
}

/** What went wrong with a request, and whether to try it again. */
export class MlflowError extends Error {
  readonly isPassing: boolean;
  /** The server's own code, such as RESOURCE_DOES_NOT_EXIST. */
  readonly code: string | undefined;

  constructor(message: string, isPassing: boolean, code?: string, cause?: unknown) {
    super(message, { cause });
    this.isPassing = isPassing;
    this.code = code;
  }
}

export interface MlflowClientOptions {
  /** http or https, with a port or a path where the server has one. */
  readonly trackingUri: string;
  /** Value of the header of that name, where the server asks for it. */
  readonly authorization: string | undefined;
  readonly requestMs: number;
}

/** The answers that are worth another try, besides those from 500 on. */
const PASSING = [408, 425, 429];

/** The few calls of MLflow's REST API that metrics need (https://mlflow.org/docs/latest/rest-api.html). */
export class MlflowClient {
  readonly #options: MlflowClientOptions;
  readonly #abort = new AbortController();

  constructor(options: MlflowClientOptions) {
    this.#options = options;
  }

  /** The id of the experiment of this name, which is made where there is none. */
  async experiment(name: string): Promise<string> {
    try {
      const found = await this.#call('GET', 'experiments/get-by-name', { experiment_name: name });
      return textOf(objectOf(found.experiment).experiment_id);
    } catch (error) {
      if (!(error instanceof MlflowError) || error.code !== 'RESOURCE_DOES_NOT_EXIST') throw error;
    }
    return textOf((await this.#call('POST', 'experiments/create', { name })).experiment_id);
  }

  /** The id of a new run. */
  async createRun(experimentId: string, name: string, startTime: number): Promise<string> {
    const made = await this.#call('POST', 'runs/create', {
      experiment_id: experimentId,
      run_name: name,
      start_time: startTime,
      tags: [{ key: 'mlflow.source.name', value: 'dawngrad' }],
    });
    return textOf(objectOf(objectOf(made.run).info).run_id);
  }

  /** The last step of each metric of a run; undefined where the server does not have the run. */
  async lastSteps(runId: string): Promise<Map<string, number> | undefined> {
    try {
      const { run } = await this.#call('GET', 'runs/get', { run_id: runId });
      const { metrics } = objectOf(objectOf(run).data);
      const found = Array.isArray(metrics) ? metrics.map(objectOf) : [];
      return new Map(found.map(({ key, step }) => [textOf(key), Number(step)]));
    } catch (error) {
      if (error instanceof MlflowError && error.code === 'RESOURCE_DOES_NOT_EXIST') return undefined;
      throw error;
    }
  }

  async logMetrics(runId: string, metrics: readonly MlflowMetric[]): Promise<void> {
    await this.#call('POST', 'runs/log-batch', { run_id: runId, metrics });
  }

  async logParameters(runId: string, params: readonly { readonly key: string; readonly value: string }[]) {
    await this.#call('POST', 'runs/log-batch', { run_id: runId, params });
  }

  /** @param endTime milliseconds since 1970; undefined for a run that goes on */
  async setStatus(runId: string, status: 'RUNNING' | 'FINISHED' | 'KILLED' | 'FAILED', endTime?: number) {
    await this.#call('POST', 'runs/update', { run_id: runId, status, end_time: endTime });
  }

  /** Ends the request under way and refuses further ones. */
  stop(): void {
    this.#abort.abort();
  }

  async #call(method: 'GET' | 'POST', path: string, body: Record<string, unknown>): Promise<Record<string, unknown>> {
    const { trackingUri, authorization, requestMs } = this.#options;
    const url = new URL(`${trackingUri.replace(/\/+$/, '')}/api/2.0/mlflow/${path}`);
    if (method === 'GET') for (const [name, value] of Object.entries(body)) url.searchParams.set(name, String(value));
    let status: number;
    let text: string;
    try {
      const response = await fetch(url, {
        method,
        headers: {
          'content-type': 'application/json',
          ...(authorization === undefined ? {} : { authorization }),
        },
        ...(method === 'POST' ? { body: JSON.stringify(body) } : {}),
        redirect: 'error',
        signal: AbortSignal.any([this.#abort.signal, AbortSignal.timeout(requestMs)]),
      });
      status = response.status;
      text = await response.text();
    } catch (cause) {
      throw new MlflowError(`${path}: ${networkReason(cause)}`, true, undefined, cause);
    }
    const answer = parse(text);
    if (status >= 200 && status < 300 && answer !== undefined) return answer;
    const code = typeof answer?.error_code === 'string' ? answer.error_code : undefined;
    throw new MlflowError(`${path}: ${code ?? `HTTP ${status}`}`, status >= 500 || PASSING.includes(status), code);
  }
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    return objectOf(JSON.parse(text === '' ? '{}' : text));
  } catch {
    return undefined;
  }
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function textOf(value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new MlflowError('an answer without an id', false);
  return value;
}

function networkReason(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'no answer in time';
  const cause = error instanceof Error ? error.cause : undefined;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  return code ?? (error instanceof Error ? error.message : String(error));
}
