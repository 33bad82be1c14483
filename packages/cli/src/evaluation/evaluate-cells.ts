import { basename, isAbsolute, join } from 'node:path';
import type { Critic, GuidedCost } from '@dawngrad/airl';
import type { EvalRow, EvaluationSource } from '@dawngrad/eval';
import type { DecoderModel } from '@dawngrad/models';
import { ToolError } from '@dawngrad/tensor';
import type { Config } from '../config/schema.ts';
import { appendCosts, costFileName } from '../guided/cost-file.ts';
import type { RunSession } from '../run/run-session.ts';
import { type EvaluationPlan, modeOf } from './plan-evaluation.ts';
import { type PlannedPrompt, RowFile } from './row-file.ts';
import { sampleRows } from './sample-rows.ts';
import { scoreGiven } from './score-given.ts';

export interface LoadedModels {
  readonly policy: DecoderModel | undefined;
  readonly critic: Critic | undefined;
}

/** Does what is not done yet, at every temperature; undefined where the user asked to stop. */
export async function evaluateCells(
  plan: EvaluationPlan,
  models: LoadedModels,
  session: RunSession,
): Promise<EvaluationSource[] | undefined> {
  const { config } = plan;
  const temperatures = plan.given === undefined ? (config.eval.temperatures ?? [config.sampling.temperature]) : [null];
  const sources: EvaluationSource[] = [];
  for (const temperature of temperatures) {
    const file = outputName(config, temperature);
    const rows = await evaluateCell(plan, models, session, file, temperature);
    if (rows === undefined) return undefined;
    sources.push({ name: temperature === null ? 'given' : `temperature ${temperature}`, temperature, file, rows });
  }
  return sources;
}

/** Does what is not done yet of one file of rows; undefined where the user asked to stop. */
export async function evaluateCell(
  plan: EvaluationPlan,
  { policy, critic }: LoadedModels,
  { directory, progress, stop }: RunSession,
  name: string,
  temperature: number | null,
): Promise<readonly EvalRow[] | undefined> {
  const { config, given, task } = plan;
  const planned: PlannedPrompt[] =
    given === undefined
      ? task.test.map(({ id }) => ({ id, samples: config.eval.samples_per_prompt }))
      : given.prompts.map(({ example, rows }) => ({ id: example.id, samples: rows.length }));
  const firstRows = [0];
  for (const { samples } of planned) firstRows.push(firstRows.at(-1)! + samples);
  const most = planned.reduce((largest, { samples }) => Math.max(largest, samples), 1);
  const promptsAtOnce = Math.max(1, Math.floor(config.eval.batch / most));
  using file = await RowFile.open(join(directory.path, name), planned, promptsAtOnce);
  if (file.prompts > 0) progress.note(`${file.prompts} of ${planned.length} prompts are done already`);
  const total = firstRows.at(-1)!;
  const startMs = performance.now();
  let tokens = 0;
  for (let first = file.prompts; first < planned.length; first += promptsAtOnce) {
    const count = Math.min(promptsAtOnce, planned.length - first);
    const show = (done: number, made: number): void => {
      const perSecond = (tokens + made) / ((performance.now() - startMs) / 1000);
      progress.step('eval', firstRows[first]! + done, total, { 'perf/tokens_per_second': perSecond });
    };
    let batchTokens = 0;
    let rows: EvalRow[] | undefined;
    const costs = new Map<string, GuidedCost>();
    if (given === undefined) {
      rows = await sampleRows({ ...plan, policy: policy as DecoderModel, critic }, config, {
        runId: basename(directory.path),
        temperature: temperature ?? config.sampling.temperature,
        firstPrompt: first,
        count,
        onProgress: (done, made) => {
          batchTokens = made;
          show(done, made);
        },
        shouldStop: () => stop.isRequested,
        onCost: (promptId, cost) => costs.set(promptId, cost),
      });
    } else if (!stop.isRequested) {
      const batch = given.records.slice(firstRows[first], firstRows[first + count]);
      rows = await scoreGiven({ policy, critic, task }, batch, config);
      batchTokens = batch.reduce((sum, { record }) => sum + record.completionIds.length, 0);
      show(batch.length, batchTokens);
    }
    if (rows === undefined) return undefined;
    tokens += batchTokens;
    // Before the rows: they are what counts as done.
    if (costs.size > 0) appendCosts(join(directory.path, costFileName(name)), costs);
    file.append(rows);
  }
  return file.rows;
}

/** The file of rows, with the temperature in its name where several are sampled at: `_t0p5`, as published. */
function outputName(config: Config<'evaluate'>, temperature: number | null): string {
  const { output, temperatures } = config.eval;
  const name = output ?? modeOf(config).output.replace('<name>', config.data.format);
  if (isAbsolute(name) || name.includes('..')) {
    throw new ToolError('config', { op: 'eval.output', expected: 'the name of a file in run.dir', got: name });
  }
  if (temperatures === null || temperature === null) return name;
  const suffix = `_t${String(temperature).replace('.', 'p')}`;
  return name.endsWith('.jsonl') ? `${name.slice(0, -'.jsonl'.length)}${suffix}.jsonl` : `${name}${suffix}`;
}
