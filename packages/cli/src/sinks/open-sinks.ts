import { basename, join, resolve } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import type { Config } from '../config/schema.ts';
import { MetricSinks, type NamedSink } from './metric-sinks.ts';
import { MlflowSink } from './mlflow/mlflow-sink.ts';
import { TensorboardSink } from './tensorboard/tensorboard-sink.ts';

/** The folder of event files in a run's folder. */
const TENSORBOARD = 'tensorboard';
const MLFLOW_STATE = 'mlflow.json';

export interface SinkContext {
  /** The run's folder, and in it the file that the sinks follow. */
  readonly folder: string;
  readonly metricsPath: string;
  readonly note: (text: string) => void;
  readonly env: NodeJS.ProcessEnv;
}

type SinkConfig = Pick<Config<'sft'>['run'], 'report_to' | 'tracking_uri'>;

/** Throws ToolError 'config' where a sink lacks what it needs. */
export function checkSinks({ report_to, tracking_uri }: SinkConfig, env: NodeJS.ProcessEnv): void {
  if (!report_to.includes('mlflow')) return;
  const uri = tracking_uri ?? env.MLFLOW_TRACKING_URI;
  if (uri !== undefined && /^https?:\/\//.test(uri) && URL.canParse(uri)) return;
  throw new ToolError('config', {
    op: 'run.tracking_uri',
    expected: 'the http or https address of the MLflow server that run.report_to names',
    got: uri === undefined ? 'none' : JSON.stringify(uri),
    hint: 'set it, or MLFLOW_TRACKING_URI, or leave mlflow out of run.report_to.',
  });
}

/** The sinks of `run.report_to`. Nothing is written and no connection made before the first row. */
export function openSinks(
  config: { readonly run: Config<'sft'>['run'] },
  { folder, metricsPath, note, env }: SinkContext,
): MetricSinks {
  const { report_to, tracking_uri, experiment, name } = config.run;
  const sinks = report_to.map((kind): NamedSink => {
    if (kind === 'tensorboard') {
      return { name: kind, sink: new TensorboardSink(join(folder, TENSORBOARD), Date.now) };
    }
    return {
      name: kind,
      sink: new MlflowSink({
        // `checkSinks` asks for one of them.
        trackingUri: (tracking_uri ?? env.MLFLOW_TRACKING_URI) as string,
        authorization: authorization(env),
        experiment,
        runName: name ?? basename(resolve(folder)),
        parameters: config,
        stateFile: join(folder, MLFLOW_STATE),
        nowMs: Date.now,
        note,
      }),
    };
  });
  return new MetricSinks(sinks, metricsPath, note);
}

/** As MLflow's own client reads it. */
function authorization(env: NodeJS.ProcessEnv): string | undefined {
  const { MLFLOW_TRACKING_TOKEN: token, MLFLOW_TRACKING_USERNAME: user, MLFLOW_TRACKING_PASSWORD: password } = env;
  if (user !== undefined && password !== undefined) {
    return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  }
  return token === undefined ? undefined : `Bearer ${token}`;
}
