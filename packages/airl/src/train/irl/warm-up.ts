import { DataOrder } from '../../data/order.ts';
import { STREAMS } from '../../data/streams.ts';
import type { MetricRow } from '../../metrics/names.ts';
import type { TraceRecord } from '../../record.ts';
import { rollout } from '../../rollout/rollout.ts';
import { countSkip, stopIfStuck } from '../health.ts';
import type { IrlRun } from './irl-run.ts';

/**
 * The samples of the starting policy that the critic's warm-up learns from; undefined where the run was stopped
 * before they were all there.
 */
export async function warmupSamples(run: IrlRun): Promise<TraceRecord[] | undefined> {
  const { policy, task, options, context, criticPhase } = run;
  const { seed, temperature, warmup, reward } = options;
  context.reporter.note(
    `sampling ${criticPhase.warmupSamples} completions of the starting policy for the critic's warm-up`,
  );
  const order = new DataOrder(seed, STREAMS.dataOrder, task.demonstrations.length);
  const prompts = Array.from({ length: criticPhase.warmupPrompts }, (_, i) => task.demonstrations[order.at(i)]!);
  return rollout(
    policy,
    task,
    prompts,
    {
      samplesPerPrompt: warmup.samplesPerPrompt,
      temperature,
      seed,
      stream: STREAMS.warmupRollout,
      round: 0,
      marks: reward,
    },
    () => context.shouldAbandonRound?.() === true,
  );
}

/**
 * The critic alone, against samples of the starting policy, until its warm-up is done; false where the run was
 * stopped before.
 */
export async function warmUp(run: IrlRun): Promise<boolean> {
  const { options, context, criticPhase, counters, meter, alarms } = run;
  const { steps } = options.warmup;
  while (counters.criticUpdates < steps) {
    const startMs = context.nowMs();
    meter.restart();
    const recorded = criticPhase.update(0);
    const criticRow = await criticPhase.read([recorded]);
    const tokens = recorded?.update.tokens ?? 0;
    const row: MetricRow = {
      step: 0,
      ...criticRow,
      'perf/tokens_per_second': tokens / ((context.nowMs() - startMs) / 1000),
      ...meter.row(),
    };
    countSkip(counters, row['health/nonfinite'] ?? 0);
    context.metrics(row);
    alarms.check(row);
    context.reporter.step('critic warm-up', counters.criticUpdates, steps, row);
    stopIfStuck(counters, 0);
    const stops = context.shouldStop();
    if (stops || counters.criticUpdates === steps) await run.save();
    if (stops) return false;
  }
  return true;
}
