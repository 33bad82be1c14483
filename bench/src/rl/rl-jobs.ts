import type { MetricName, MetricRow } from '@dawngrad/airl';
import type { Device } from '@dawngrad/tensor';
import type { Job } from '../job.ts';
import type { Finding } from '../row.ts';
import { summarise } from '../statistics.ts';
import { type EnginePhase, type EngineTime, EngineWork } from './engine-work.ts';
import { createModels, RL_METHODS, type RlMethod, type RlWeights, runRounds } from './rl-run.ts';
import { DEMO, LARGER, type RlSize, rlTask, WEIGHTY, weightsPerToken } from './rl-size.ts';

const PHASES: readonly EnginePhase[] = ['rollout', 'critic', 'reward', 'update'];

/** Forward passes a token; a backward pass counts as two. */
const FORWARDS: Readonly<Record<RlMethod, Readonly<Record<EnginePhase, number>>>> = {
  sft: { rollout: 0, critic: 0, reward: 0, update: 3 },
  grpo: { rollout: 1, critic: 0, reward: 0, update: 4 },
  opsd: { rollout: 1, critic: 0, reward: 2, update: 3 },
  irl: { rollout: 1, critic: 3, reward: 1, update: 4 },
};

/** Rounds that compile kernels and fill pools. */
const WARM_UP = 2;

/** A step of a trainer as a whole and by phase. */
function stepJob(method: RlMethod, size: RlSize): Job {
  const name = `${method} step ${size.name}`;
  return {
    suite: 'rl',
    name,
    isQuick: size === DEMO,
    isLarge: false,
    run: async ({ device, isQuick }) => {
      const rounds = isQuick ? 3 : 8;
      const counts = await countStep(device, method, size, 'all');
      const models = await createModels(device, size, method, 'all');
      const engine = new EngineWork(models, size, method);
      const rows: MetricRow[] = [];
      const times: Partial<Record<EnginePhase, EngineTime>>[] = [];
      try {
        await runRounds(models, size, method, WARM_UP + rounds, async (round) => {
          const time = await engine.time(round);
          if (round.row.step! > WARM_UP) {
            rows.push(round.row);
            times.push(time);
          }
        });
      } finally {
        engine.dispose();
        models.dispose();
        device.pool.trim();
      }
      return findings({ method, size, name }, rows, times, counts);
    },
  };
}

interface Subject {
  readonly method: RlMethod;
  readonly size: RlSize;
  readonly name: string;
}

function findings(
  { method, size, name }: Subject,
  rows: readonly MetricRow[],
  engine: readonly Partial<Record<EnginePhase, EngineTime>>[],
  counts: StepCounts,
): Finding[] {
  const values = (key: MetricName): number[] => rows.flatMap((row) => row[key] ?? []);
  const median = (key: MetricName): number => summarise(values(key)).median;
  const ms = (key: MetricName) => summarise(values(key).map((seconds) => 1000 * seconds));
  const { width, inner, layers, heads, prompts, groupSize } = size;
  const params = { method, width, inner, layers, heads, prompts, group: groupSize };
  const weights = weightsPerToken(size, rlTask(size));
  const phases = PHASES.filter((phase) => values(`time/${phase}`).length > 0);

  /** What the engine would take for as many tokens as the trainer's phase had, milliseconds; 0 where it has no part. */
  const engineMs = (phase: EnginePhase): number => {
    const direct = rows.flatMap((row, i) => {
      const time = engine[i]?.[phase];
      const tokens = (row[`perf/${phase}_tokens_per_second`] ?? 0) * (row[`time/${phase}`] ?? 0);
      return time === undefined ? [] : [(time.ms * tokens) / time.tokens];
    });
    return direct.length === 0 ? 0 : summarise(direct).median;
  };
  const ofPhases = phases.map((phase): Finding => {
    const rate = median(`perf/${phase}_tokens_per_second`);
    const time = ms(`time/${phase}`);
    const direct = engineMs(phase);
    const tokens = Math.round((rate * time.median) / 1000);
    return {
      name: `${name}: ${phase}`,
      params,
      library: 'dawngrad',
      time,
      work: { flops: 2 * FORWARDS[method][phase] * weights * tokens, bytes: 0, tokens },
      details: {
        share: median(`time/${phase}`) / median('step_time'),
        // GRPO's rewards are the host's work alone.
        ...(direct === 0
          ? {}
          : { engine_tokens_per_second: (1000 * tokens) / direct, over_engine: time.median / direct }),
      },
    };
  });
  const direct = phases.reduce((total, phase) => total + engineMs(phase), 0);
  const time = ms('step_time');
  const whole: Finding = {
    name,
    params,
    library: 'dawngrad',
    time,
    work: {
      flops: ofPhases.reduce((total, { work }) => total + work!.flops, 0),
      bytes: 0,
      tokens: Math.round(median('perf/tokens_per_second') * median('step_time')),
    },
    ...counts,
    details: { engine_ms: direct, over_engine: time.median / direct },
  };
  return phases.length > 1 ? [whole, ...ofPhases] : [whole];
}

export interface StepCounts {
  readonly dispatches: number;
  readonly submits: number;
  readonly peakBytes: number;
}

/** What the third round of a run takes, with nothing beside it: by then pools are full and kernels compiled. */
export async function countStep(
  device: Device,
  method: RlMethod,
  size: RlSize,
  weights: RlWeights,
): Promise<StepCounts> {
  const models = await createModels(device, size, method, weights);
  let last: MetricRow = {};
  try {
    await runRounds(models, size, method, WARM_UP + 1, async ({ row }) => {
      last = row;
      if (row.step === WARM_UP) device.pool.resetPeak();
    });
  } finally {
    models.dispose();
    device.pool.trim();
  }
  return { dispatches: last['perf/dispatches']!, submits: last['perf/submits']!, peakBytes: last['mem/peak_bytes']! };
}

/** The peak of an R-AIRL step with adapters, by how many frozen bases policy and critic have. */
function memoryJob(weights: Exclude<RlWeights, 'all'>): Job {
  const name = `irl memory weighty, ${weights}`;
  return {
    suite: 'rl',
    name,
    isQuick: false,
    isLarge: false,
    run: async ({ device }) => {
      const counts = await countStep(device, 'irl', WEIGHTY, weights);
      const baseBytes = 4 * (weightsPerToken(WEIGHTY, rlTask(WEIGHTY)) + rlTask(WEIGHTY).vocabSize * WEIGHTY.width);
      return [{ name, params: { weights }, library: 'dawngrad', ...counts, details: { base_bytes: baseBytes } }];
    },
  };
}

/** Post-training: a step of each trainer by phase, against the engine's own rates in the same process. */
export const rlJobs: readonly Job[] = [
  ...[DEMO, LARGER].flatMap((size) => RL_METHODS.map((method) => stepJob(method, size))),
  memoryJob('adapters, one base'),
  memoryJob('adapters, two bases'),
];
