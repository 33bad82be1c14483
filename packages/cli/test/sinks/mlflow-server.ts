import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface StoredMetric {
  readonly key: string;
  readonly value: number;
  readonly timestamp: number;
  readonly step: number;
}

interface StoredRun {
  readonly name: string;
  status: string;
  readonly params: Map<string, string>;
  readonly metrics: StoredMetric[];
}

type Answer = readonly [status: number, body: object];

/** The fields of all requests. */
interface Request {
  readonly experiment_name?: string;
  readonly name?: string;
  readonly run_name?: string;
  readonly run_id?: string;
  readonly status?: string;
  readonly metrics?: readonly StoredMetric[];
  readonly params?: readonly { readonly key: string; readonly value: string }[];
}

/** What the server does with a request instead of answering it well. */
type Trouble = 'none' | 'error' | 'hang' | 'refuse' | 'page';

/** A tracking server in memory on loopback, with the rules of MLflow's that a client meets. */
export class MlflowServer {
  readonly runs = new Map<string, StoredRun>();
  readonly experiments: string[] = [];
  readonly authorizations = new Set<string | undefined>();
  requests = 0;
  trouble: Trouble = 'none';
  readonly #hanging: ServerResponse[] = [];
  readonly #server = createServer((request, response) => {
    this.requests++;
    this.authorizations.add(request.headers.authorization);
    let text = '';
    request.on('data', (part) => {
      text += part;
    });
    request.on('end', () => {
      const url = new URL(request.url!, 'http://x');
      const body = text === '' ? Object.fromEntries(url.searchParams) : JSON.parse(text);
      const call = `${request.method} ${url.pathname.replace('/base/api/2.0/mlflow/', '')}`;
      if (this.trouble === 'hang') this.#hanging.push(response);
      else if (this.trouble === 'page') response.end('<html>log in</html>');
      else if (this.trouble === 'error') send(response, [503, { error_code: 'TEMPORARILY_UNAVAILABLE' }]);
      else if (this.trouble === 'refuse') send(response, [403, { error_code: 'PERMISSION_DENIED' }]);
      else send(response, this.#answer(call, body));
    });
  });

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/base/`;
  }

  async close(): Promise<void> {
    for (const response of this.#hanging) response.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(call: string, body: Request): Answer {
    const missing: Answer = [404, { error_code: 'RESOURCE_DOES_NOT_EXIST' }];
    if (call === 'GET experiments/get-by-name') {
      const id = this.experiments.indexOf(body.experiment_name ?? '');
      return id < 0 ? missing : [200, { experiment: { experiment_id: `e${id}` } }];
    }
    if (call === 'POST experiments/create') {
      return [200, { experiment_id: `e${this.experiments.push(body.name ?? '') - 1}` }];
    }
    if (call === 'POST runs/create') {
      const id = `run-${this.runs.size}`;
      this.runs.set(id, { name: body.run_name ?? '', status: 'RUNNING', params: new Map(), metrics: [] });
      return [200, { run: { info: { run_id: id } } }];
    }
    const run = this.runs.get(body.run_id ?? '');
    if (run === undefined) return missing;
    if (call === 'GET runs/get') {
      const last = new Map(run.metrics.map((metric) => [metric.key, metric]));
      return [200, { run: { data: { metrics: [...last.values()] } } }];
    }
    if (call === 'POST runs/log-batch') {
      const { metrics = [], params = [] } = body;
      const isTooMuch = metrics.length > 1000 || params.length > 100 || params.some(({ value }) => value.length > 500);
      if (isTooMuch) return [400, { error_code: 'INVALID_PARAMETER_VALUE' }];
      run.metrics.push(...metrics);
      for (const { key, value } of params) run.params.set(key, value);
      return [200, {}];
    }
    if (call !== 'POST runs/update') return [404, { error_code: 'ENDPOINT_NOT_FOUND' }];
    run.status = body.status ?? '';
    return [200, {}];
  }
}

function send(response: ServerResponse, [status, body]: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
