import { DataOrder } from '../../data/order.ts';
import { STREAMS } from '../../data/streams.ts';
import type { MetricRow } from '../../metrics/names.ts';
import type { TraceRecord } from '../../record.ts';
import { rollout } from '../../rollout/rollout.ts';
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
  const { context, criticPhase, counters, health, meter, clock, alarms } = run;
  const { warmupSteps: steps } = criticPhase;
  while (counters.criticUpdates < steps) {
    health.limit({ critic: criticPhase.optimizer });
    clock.begin('critic');
    meter.restart();
    const recorded = criticPhase.update(0);
    const criticRow = await criticPhase.read([recorded]);
    clock.end();
    const tokens = recorded?.update.tokens ?? 0;
    clock.count('critic', tokens);
    health.observe(0, { critic: criticPhase.observed });
    const row: MetricRow = {
      step: 0,
      ...criticRow,
      'perf/tokens_per_second': tokens / clock.seconds('critic'),
      ...clock.row(),
      ...health.row(),
      ...meter.row(),
    };
    context.metrics(row);
    alarms.check(row);
    context.reporter.step(WARM_UP, counters.criticUpdates, steps, row);
    if (await run.goBackIfStuck()) continue;
    const stops = context.shouldStop();
    const isAsked = context.shouldSave?.() === true;
    const isDone = counters.criticUpdates === steps;
    if (stops || isAsked || isDone) await run.save({ isWarmup: isDone });
    if (stops) return false;
  }
  return true;
}
