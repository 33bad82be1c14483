import type { DecoderModel } from '@dawngrad/models';
import { readAll, ToolError } from '@dawngrad/tensor';
import { checkCredit } from '../credit/credit-level.ts';
import { RewardStatistics } from '../credit/reward-statistics.ts';
import type { Critic } from '../critic/critic.ts';
import { checkCriticChoice } from '../critic/critic-choice.ts';
import { Alarms } from '../metrics/alarms.ts';
import type { Task } from '../task/task.ts';
import { devAccuracy, isDevStep } from './dev-accuracy.ts';
import { DeviceMeter } from './device-metrics.ts';
import { Health } from './health.ts';
import { CriticPhase } from './irl/critic-phase.ts';
import type { IrlOptions } from './irl/irl-options.ts';
import { irlRound } from './irl/irl-round.ts';
import type { IrlRun } from './irl/irl-run.ts';
import { WARM_UP, warmUp, warmupSamples } from './irl/warm-up.ts';
import { createOptimizer, learningRate } from './optim-options.ts';
import { PhaseClock } from './phase-clock.ts';
import { plannedStage } from './planned-stage.ts';
import { createReference } from './reference-policy.ts';
import { goBackIfStuck } from './roll-back.ts';
import { demonstratedPerRound } from './round-prompts.ts';
import type { RunContext, TrainingResult } from './run-context.ts';
import { stepEnd } from './step-end.ts';
import type { TrainingState } from './training-state.ts';

/**
 * R-AIRL (r-airl.md, sections 3, 4 and 12). The critic learns to tell expert traces from the policy's; its
 * logit is the reward of the next policy step; both take turns. Only with `relabel` does it look at
 * answers: otherwise the checker's verdicts go to the log alone. Trains `policy` and `critic` in place.
 */
export async function trainIrl(
  policy: DecoderModel,
  critic: Critic,
  task: Task,
  options: IrlOptions,
  context: RunContext,
): Promise<TrainingResult> {
  checkIrl(task, critic, options);
  const { seed, maxSteps, dev } = options;
  const { checkpoints } = context;
  const counters = { step: 0, tokens: 0, bestAccuracy: -1, bestStep: 0, criticUpdates: 0 };
  const health = new Health(context.reporter, context.onSpike);
  const clock = new PhaseClock(context);
  const reference = options.klBeta > 0 ? await createReference(policy) : undefined;
  const optimizer = createOptimizer(policy.trainableParameters(), options.optim);
  const criticPhase = new CriticPhase(policy, critic, task, options, counters);
  const rewardStatistics = options.reward.normalise === 'running' ? new RewardStatistics() : undefined;
  const state = (): TrainingState => {
    const { optimizer: criticOptimizer, replay } = criticPhase;
    return {
      method: 'irl',
      policy,
      optimizer,
      critic,
      criticTraining: {
        loss: options.critic.loss ?? 'bce',
        granularity: options.reward.granularity,
        ...(options.reward.intervalTokens === undefined ? {} : { intervalTokens: options.reward.intervalTokens }),
      },
      ...(criticOptimizer === undefined ? {} : { criticOptimizer }),
      replay,
      counters,
      parts: { health, ...(rewardStatistics && { rewards: rewardStatistics }) },
    };
  };
  const run: IrlRun = {
    policy,
    critic,
    task,
    options,
    context,
    reference,
    optimizer,
    rate: learningRate(options.lr, maxSteps, options.optim),
    criticPhase,
    rewardStatistics,
    counters,
    health,
    meter: new DeviceMeter(policy.device),
    clock,
    alarms: new Alarms(context.reporter),
    save: async ({ isBest = false, isWarmup = false } = {}) => {
      if (checkpoints === undefined) return;
      await clock.during('save', () => checkpoints.save(state(), { isBest, isWarmup }));
    },
    goBackIfStuck: () =>
      goBackIfStuck(state, health, context, async ({ replay }) => {
        if (replay !== undefined) criticPhase.restore(replay);
        if (counters.step === 0 && counters.criticUpdates >= criticPhase.warmupSteps) criticPhase.endWarmup();
        await criticPhase.begin();
      }),
  };
  const stopped = (): TrainingResult => ({ status: 'stopped', step: counters.step });

  try {
    const restored = await checkpoints?.restore(state());
    if (restored?.replay !== undefined) criticPhase.restore(restored.replay);
    const isNew = counters.step === 0 && counters.criticUpdates === 0;
    criticPhase.isProbed = !isNew;
    const { warmupSteps } = criticPhase;
    if (isNew && context.loadCritic !== undefined) {
      await context.loadCritic({ critic, optimizer: criticPhase.optimizer });
      if (options.warmup.continues !== true) counters.criticUpdates = warmupSteps;
    }
    if (options.critic.freeze === true) await checkTrained(critic);
    await criticPhase.begin();
    const warmed = Math.min(counters.criticUpdates, warmupSteps);
    context.reporter.plan?.([
      ...(warmupSteps === 0 ? [] : [{ stage: WARM_UP, done: warmed, total: warmupSteps }]),
      plannedStage('irl', counters.step, maxSteps, dev, checkpoints),
    ]);
    if (isNew && isDevStep(0, maxSteps, dev)) {
      context.metrics({ step: 0, ...(await devAccuracy(policy, task, dev, { seed, step: 0 }, clock)), ...clock.row() });
    }

    if (isNew && counters.criticUpdates < warmupSteps) {
      const samples = await warmupSamples(run);
      if (samples === undefined) return stopped();
      criticPhase.remember(samples, 0);
      criticPhase.probe(samples, context.reporter);
    }
    // It may have been stopped between the checkpoint and the mark on it.
    const isJustWarm = !isNew && warmupSteps > 0 && counters.step === 0 && counters.criticUpdates === warmupSteps;
    if (isJustWarm && checkpoints?.keepsWarmup === true) await run.save({ isWarmup: true });
    if (!(await warmUp(run))) return stopped();
    if (counters.step === 0) criticPhase.endWarmup();

    let savedStep = counters.step;
    while (counters.step < maxSteps) {
      const round = counters.step + 1;
      if (!(await irlRound(run, round))) {
        if (savedStep < counters.step) await run.save();
        return stopped();
      }
      if (await run.goBackIfStuck()) {
        savedStep = counters.step;
        continue;
      }
      const end = stepEnd(context, { step: round, maxSteps, isBest: counters.bestStep === round });
      if (end.saves) {
        await run.save({ isBest: end.isBest });
        savedStep = round;
      }
      if (end.stops) return stopped();
    }
    return { status: 'finished', step: counters.step };
  } finally {
    reference?.dispose();
    optimizer.dispose();
    criticPhase.dispose();
  }
}

/** Throws ToolError 'config' for a critic that was never trained: its heads are 0, and so are all of its rewards. */
async function checkTrained(critic: Critic): Promise<void> {
  const values = await readAll(critic.head.parameters.arenas.map((arena) => arena.values));
  if (values.some((arena) => arena.some((value) => value !== 0))) return;
  throw new ToolError('config', {
    op: 'critic.freeze',
    expected: 'a critic that was trained before',
    got: 'one whose head is 0 throughout, as that of a new critic',
    hint: 'name a trained one by critic.model or warmup.load_from, or let this one learn.',
  });
}

/** What can be told before anything is made or sampled. Throws ToolError 'config'. */
function checkIrl(task: Task, critic: Critic, options: IrlOptions): void {
  checkCriticChoice({
    kind: critic.kind,
    pooling: critic.pooling,
    loss: options.critic.loss ?? 'bce',
    objective: options.critic.objective,
    granularity: options.reward.granularity,
    reward: options.reward,
    corruptedPerExpert: options.corruptedPerExpert,
    replayRounds: options.replay.rounds,
    localSignal: options.credit.local?.signal,
  });
  checkCredit(options.reward.granularity, options.credit.level);
  if (task.demonstrations.length === 0) {
    throw new ToolError('config', { op: task.name, expected: 'at least one demonstration', got: 'none' });
  }
  const { freeze = false, freezeAfterWarmup, updatesPerRound } = options.critic;
  const isFrozen = freeze || freezeAfterWarmup || updatesPerRound === 0;
  if (demonstratedPerRound(task, options) === 0 && !isFrozen) {
    throw new ToolError('config', {
      op: 'train.unlabelled_fraction, train.prompts_per_round',
      expected: 'at least one demonstrated prompt a round, for the critic to learn from',
      got: `none of ${options.promptsPerRound} at an unlabelled fraction of ${options.unlabelledFraction}`,
      hint: 'lower train.unlabelled_fraction or raise train.prompts_per_round.',
    });
  }
}
