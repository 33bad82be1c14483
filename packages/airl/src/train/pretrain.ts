import type { DecoderModel } from '@dawngrad/models';
import type { TokenTrace } from '../loss/token-rows.ts';
import { Alarms } from '../metrics/alarms.ts';
import type { MetricRow } from '../metrics/names.ts';
import { DeviceMeter } from './device-metrics.ts';
import { Health } from './health.ts';
import { createOptimizer, learningRate, type OptimOptions } from './optim-options.ts';
import { goBackIfStuck } from './roll-back.ts';
import type { RunContext, TrainingResult } from './run-context.ts';
import { readSteps, type SupervisedStep, supervisedStep } from './supervised-step.ts';
import type { TrainingState } from './training-state.ts';

export interface PretrainOptions {
  readonly lr: number;
  readonly optim: OptimOptions;
  readonly maxSteps: number;
  readonly rowsPerStep: number;
  readonly microBatchTokens: number;
  /** Steps between two readbacks: in between, the host records ahead of the device. */
  readonly readEverySteps: number;
}

/**
 * Trains a model from scratch on a stream of documents, each seen once; the loss is taken on completion
 * tokens. Document number i is a pure function of i.
 */
export async function pretrain(
  model: DecoderModel,
  documentAt: (index: number) => TokenTrace,
  options: PretrainOptions,
  context: RunContext,
): Promise<TrainingResult> {
  const { maxSteps, rowsPerStep, microBatchTokens, readEverySteps } = options;
  const { checkpoints, reporter, nowMs } = context;
  const optimizer = createOptimizer(model.trainableParameters(), options.optim);
  const rate = learningRate(options.lr, maxSteps, options.optim);
  const counters = { step: 0, tokens: 0 };
  const health = new Health(reporter, context.onSpike);
  const state: TrainingState = { method: 'pretrain', policy: model, optimizer, counters, parts: { health } };
  await checkpoints?.restore(state);
  const meter = new DeviceMeter(model.device);
  const alarms = new Alarms(reporter);
  try {
    let pending: SupervisedStep[] = [];
    let sinceMs = nowMs();
    while (counters.step < maxSteps) {
      const first = (counters.step + health.shift) * rowsPerStep;
      health.limit({ policy: optimizer });
      const documents = Array.from({ length: rowsPerStep }, (_, i) => documentAt(first + i));
      pending.push(supervisedStep(model, optimizer, documents, { lr: rate(counters.step), microBatchTokens }));
      counters.step++;
      const saves = checkpoints !== undefined && counters.step % checkpoints.everySteps === 0;
      if (pending.length < readEverySteps && counters.step < maxSteps && !saves) continue;

      const results = await readSteps(pending);
      const seconds = (nowMs() - sinceMs) / 1000;
      const tokens = pending.reduce((total, step) => total + step.tokens, 0);
      const shared = {
        step_time: seconds / pending.length,
        'perf/tokens_per_second': tokens / seconds,
        ...meter.row(pending.length),
      };
      const firstStep = counters.step - pending.length;
      let row: MetricRow = {};
      results.forEach(({ loss, gradientNorm, nonFinite }, i) => {
        counters.tokens += pending[i]!.tokens;
        health.observe(firstStep + i + 1, { policy: [{ loss, gradientNorm, nonFinite }] });
        row = {
          step: firstStep + i + 1,
          loss,
          lr: pending[i]!.lr,
          grad_norm: gradientNorm,
          num_tokens: counters.tokens,
          'health/nonfinite': nonFinite,
          ...health.row(),
          ...shared,
        };
        context.metrics(row);
        alarms.check(row);
      });
      reporter.step('pretrain', counters.step, maxSteps, row);
      pending = [];
      if (await goBackIfStuck(() => state, health, context)) continue;
      const stops = context.shouldStop() && counters.step < maxSteps;
      if (saves || stops || counters.step === maxSteps) await checkpoints?.save(state, { isBest: false });
      if (stops) return { status: 'stopped', step: counters.step };
      sinceMs = nowMs();
      meter.restart();
    }
    return { status: 'finished', step: counters.step };
  } finally {
    optimizer.dispose();
  }
}
