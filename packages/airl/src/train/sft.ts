import type { DecoderModel } from '@dawngrad/models';
import { DataOrder } from '../data/order.ts';
import { STREAMS } from '../data/streams.ts';
import { Alarms } from '../metrics/alarms.ts';
import type { Task } from '../task/task.ts';
import { type DevOptions, devAccuracy, isDevStep } from './dev-accuracy.ts';
import { DeviceMeter } from './device-metrics.ts';
import { Health } from './health.ts';
import { createOptimizer, learningRate, type OptimOptions } from './optim-options.ts';
import { copyParameters } from './parameter-copy.ts';
import { PhaseClock } from './phase-clock.ts';
import { plannedStage } from './planned-stage.ts';
import { goBackIfStuck } from './roll-back.ts';
import type { RunContext, TrainingResult } from './run-context.ts';
import { isBestYet, stepEnd } from './step-end.ts';
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
  const counters = { step: 0, tokens: 0, bestAccuracy: -1, bestStep: 0 };
  const health = new Health(reporter, context.onSpike);
  const parts = { health };
  const state: TrainingState = { method: 'sft', policy, optimizer, counters, parts, ...(best ? { best } : {}) };

  /** Evaluates the weights of the current step; true if they are the best so far. */
  const evaluate = async (options: DevOptions): Promise<boolean> => {
    const row = await devAccuracy(policy, task, options, { seed, step: counters.step }, clock);
    const accuracy = row['eval/accuracy'];
    if (accuracy === undefined) return false;
    context.metrics({ step: counters.step, ...row, ...clock.row() });
    reporter.note(`sft step ${counters.step}: dev accuracy ${accuracy.toFixed(3)} (n = ${row['eval/n']})`);
    const isBest = isBestYet(counters, counters.step, row);
    if (isBest) best?.copyFrom(weights);
    return isBest;
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
      const first = (counters.step + health.shift) * rowsPerStep;
      const traces = Array.from({ length: rowsPerStep }, (_, i) => {
        const { promptIds, completionIds } = task.demonstrations[order.at(first + i)]!;
        const trace = { promptIds, completionIds, forced: task.forced(completionIds) };
        return options.fullText ? wholeTrace(trace) : trace;
      });
      health.limit({ policy: optimizer });
      const lr = rate(counters.step);
      const step = supervisedStep(policy, optimizer, traces, { lr, microBatchTokens, onRecorded: context.onRecorded });
      const [result] = await readSteps([step]);
      counters.step++;
      counters.tokens += step.tokens;
      health.observe(counters.step, { policy: [result!] });
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
        ...health.row(),
        ...meter.row(),
      };
      context.metrics(row);
      alarms.check(row);
      reporter.step('sft', counters.step, maxSteps, row);
      if (await goBackIfStuck(() => state, health, context)) continue;

      const isNewBest = isDevStep(counters.step, maxSteps, dev) && (await evaluate(dev));
      const end = stepEnd(context, { step: counters.step, maxSteps, isBest: isNewBest });
      if (end.isLast && best !== undefined) weights.copyFrom(best);
      if (end.saves) await clock.during('save', async () => checkpoints?.save(state, end));
      if (end.stops) return { status: 'stopped', step: counters.step };
    }
    return { status: 'finished', step: counters.step };
  } finally {
    optimizer.dispose();
    best?.dispose();
  }
}
