import { DataOrder } from '../../data/order.ts';
import { STREAMS } from '../../data/streams.ts';
import type { MetricRow } from '../../metrics/names.ts';
import type { TraceRecord } from '../../record.ts';
import { rollout } from '../../rollout/rollout.ts';
import { countSkip, stopIfStuck } from '../health.ts';
import { completionTokens } from '../round-log.ts';
import type { IrlRun } from './irl-run.ts';

/** The stage that the reporter is told of. */
export const WARM_UP = 'critic warm-up';

/**
 * The samples of the starting policy that the critic's warm-up learns from; undefined where the run was stopped
 * before they were all there.
 */
export async function warmupSamples(run: IrlRun): Promise<TraceRecord[] | undefined> {
  const { policy, task, options, context, criticPhase, clock } = run;
  const { seed, temperature, warmup, reward } = options;
  context.reporter.note(
    `sampling ${criticPhase.warmupSamples} completions of the starting policy for the critic's warm-up`,
  );
  const order = new DataOrder(seed, STREAMS.dataOrder, task.demonstrations.length);
  const prompts = Array.from({ length: criticPhase.warmupPrompts }, (_, i) => task.demonstrations[order.at(i)]!);
  clock.begin('rollout');
  const samples = await rollout(
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
      onProgress: clock.onProgress,
    },
    () => context.shouldAbandonRound?.() === true,
  );
  clock.end();
  if (samples !== undefined) clock.count('rollout', completionTokens(samples));
  return samples;
}

/**
 * The critic alone, against samples of the starting policy, until its warm-up is done; false where the run was
 * stopped before.
 */
export async function warmUp(run: IrlRun): Promise<boolean> {
  const { options, context, criticPhase, counters, meter, clock, alarms } = run;
  const { steps } = options.warmup;
  while (counters.criticUpdates < steps) {
    clock.begin('critic');
    meter.restart();
    const recorded = criticPhase.update(0);
    const criticRow = await criticPhase.read([recorded]);
    clock.end();
    const tokens = recorded?.update.tokens ?? 0;
    clock.count('critic', tokens);
    const row: MetricRow = {
      step: 0,
      ...criticRow,
      'perf/tokens_per_second': tokens / clock.seconds('critic'),
      ...clock.row(),
      ...meter.row(),
    };
    countSkip(counters, row['health/nonfinite'] ?? 0);
    context.metrics(row);
    alarms.check(row);
    context.reporter.step(WARM_UP, counters.criticUpdates, steps, row);
    stopIfStuck(counters, 0);
    const stops = context.shouldStop();
    if (stops || counters.criticUpdates === steps) await run.save();
    if (stops) return false;
  }
  return true;
}
