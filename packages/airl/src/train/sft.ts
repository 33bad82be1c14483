import type { DecoderModel } from '@dawngrad/models';
import { DataOrder } from '../data/order.ts';
import { STREAMS } from '../data/streams.ts';
import { Alarms } from '../metrics/alarms.ts';
import type { Task } from '../task/task.ts';
import { type DevOptions, devAccuracy, isDevStep } from './dev-accuracy.ts';
import { DeviceMeter } from './device-metrics.ts';
import { countSkip, stopIfStuck } from './health.ts';
import { createOptimizer, learningRate, type OptimOptions } from './optim-options.ts';
import { copyParameters } from './parameter-copy.ts';
import { PhaseClock } from './phase-clock.ts';
import { plannedStage } from './planned-stage.ts';
import type { RunContext, TrainingResult } from './run-context.ts';
import { readSteps, supervisedStep } from './supervised-step.ts';
import type { TrainingState } from './training-state.ts';
import { wholeTrace } from './whole-trace.ts';

export interface SftOptions {
  readonly seed: number;
  readonly lr: number;
  readonly optim: OptimOptions;
  readonly maxSteps: number;
  /** Demonstrations in each step. */
  readonly rowsPerStep: number;
  /** Most tokens in one forward and backward pass; changes memory, not results. */
  readonly microBatchTokens: number;
  /** Absent: no evaluation on the way. */
  readonly dev?: DevOptions;
  /**
   * End with the weights of the step that was best on dev, not with the last ones. This uses the checker,
   * and a report must say so.
   */
  readonly keepBest: boolean;
  /** Train on the prompt's tokens as well, as the reference does (D21); completions alone unless said. */
  readonly fullText?: boolean;
}

/**
 * Supervised fine-tuning: the mean negative log-likelihood of the demonstrations' completion tokens (with
 * `fullText` of their prompts too), those that the environment writes left out. Leaves the trained weights in `policy`.
 */
export async function trainSft(
  policy: DecoderModel,
  task: Task,
  options: SftOptions,
  context: RunContext,
): Promise<TrainingResult> {
  const { seed, maxSteps, rowsPerStep, microBatchTokens, dev, keepBest } = options;
  const { checkpoints, reporter } = context;
  const clock = new PhaseClock(context);
  const weights = policy.trainableParameters();
  const optimizer = createOptimizer(weights, options.optim);
  const rate = learningRate(options.lr, maxSteps, options.optim);
  const order = new DataOrder(seed, STREAMS.dataOrder, task.demonstrations.length);
  const best = keepBest && dev !== undefined ? copyParameters(weights, 'airl/sft/best') : undefined;
  const counters = { step: 0, tokens: 0, skipped: 0, skippedInRow: 0, bestAccuracy: -1, bestStep: 0 };
  const state: TrainingState = { method: 'sft', policy, optimizer, counters, ...(best ? { best } : {}) };

  /** Evaluates the weights of the current step; true if they are the best so far. */
  const evaluate = async (options: DevOptions): Promise<boolean> => {
    const row = await devAccuracy(policy, task, options, { seed, step: counters.step }, clock);
    const accuracy = row['eval/accuracy'];
    if (accuracy === undefined) return false;
    context.metrics({ step: counters.step, ...row, ...clock.row() });
    reporter.note(`sft step ${counters.step}: dev accuracy ${accuracy.toFixed(3)} (n = ${row['eval/n']})`);
    // A tie goes to the later step: it has learned more, also where dev accuracy is still 0.
    if (accuracy < counters.bestAccuracy) return false;
    Object.assign(counters, { bestAccuracy: accuracy, bestStep: counters.step });
    best?.copyFrom(weights);
    return true;
  };

  try {
    await checkpoints?.restore(state);
    const meter = new DeviceMeter(policy.device);
    const alarms = new Alarms(reporter);
    reporter.plan?.([plannedStage('sft', counters.step, maxSteps, dev, checkpoints)]);
    if (counters.step === 0 && isDevStep(0, maxSteps, dev)) await evaluate(dev);
    while (counters.step < maxSteps) {
      clock.begin('update');
      meter.restart();
      const first = counters.step * rowsPerStep;
      const traces = Array.from({ length: rowsPerStep }, (_, i) => {
        const { promptIds, completionIds } = task.demonstrations[order.at(first + i)]!;
        const trace = { promptIds, completionIds, forced: task.forced(completionIds) };
        return options.fullText ? wholeTrace(trace) : trace;
      });
      const step = supervisedStep(policy, optimizer, traces, { lr: rate(counters.step), microBatchTokens });
      const [result] = await readSteps([step]);
      counters.step++;
      counters.tokens += step.tokens;
      countSkip(counters, result!.nonFinite);
      clock.end();
      clock.count('update', step.tokens);
      const row = {
        step: counters.step,
        loss: result!.loss,
        lr: step.lr,
        grad_norm: result!.gradientNorm,
        num_tokens: counters.tokens,
        'perf/tokens_per_second': step.tokens / clock.seconds(),
        ...clock.row(),
        'health/nonfinite': result!.nonFinite,
        'health/skipped': counters.skipped,
        ...meter.row(),
      };
      context.metrics(row);
      alarms.check(row);
      reporter.step('sft', counters.step, maxSteps, row);
      stopIfStuck(counters, counters.step);

      const isBest = isDevStep(counters.step, maxSteps, dev) && (await evaluate(dev));
      const isLast = counters.step === maxSteps;
      const stops = context.shouldStop() && !isLast;
      if (isLast && best !== undefined) weights.copyFrom(best);
      if (checkpoints !== undefined && (isBest || stops || isLast || counters.step % checkpoints.everySteps === 0)) {
        await clock.during('save', () => checkpoints.save(state, { isBest }));
      }
      if (stops) return { status: 'stopped', step: counters.step };
    }
    return { status: 'finished', step: counters.step };
  } finally {
    optimizer.dispose();
    best?.dispose();
  }
}
