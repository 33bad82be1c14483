import { expertRecord, recordLogProbs, type TraceRecord } from '@dawngrad/airl';
import { bestOfTable, collectRows, type EvalRow, evaluateRows, formatRow, renderTextTable } from '@dawngrad/eval';
import { packSequences, tokenLogProbs } from '@dawngrad/models';
import { read, scopeAsync } from '@dawngrad/tensor';
import type { Job } from '../job.ts';
import { createModels, type RlModels } from '../rl/rl-run.ts';
import { DEMO, LARGER, type RlSize, weightsPerToken } from '../rl/rl-size.ts';
import type { Finding } from '../row.ts';
import { summarise } from '../statistics.ts';
import { uniformValues } from '../values.ts';
import { reportJob } from './report-job.ts';

const PROMPTS = 1319;
const SAMPLES = 16;
const TOKENS = 150;

/** Rows of GSM8K's test set in size: prompts of unequal difficulty, a reward that is noisy but informative. */
function drawnRows(): EvalRow[] {
  const draws = uniformValues(PROMPTS * (1 + 3 * SAMPLES), 1);
  let next = 0;
  const uniform = (): number => draws[next++]! + 0.5;
  return Array.from({ length: PROMPTS }, (_, p) => {
    const difficulty = uniform();
    return Array.from({ length: SAMPLES }, (__, generation_idx): EvalRow => {
      const isRight = uniform() > difficulty;
      const base = (isRight ? 1 : 0) + 3 * uniform();
      const answer = isRight ? '4' : String(5 + Math.floor(4 * uniform()));
      return {
        schema: 1,
        run_id: 'bench',
        prompt_id: `p${p}`,
        prompt: [{ role: 'user', content: `Question ${p}` }],
        generation: { content: `<think>\n${'so '.repeat(TOKENS)}\n</think>\n<answer>\n${answer}\n</answer>` },
        generation_idx,
        completion_ids: Array.from({ length: TOKENS }, (___, t) => t),
        marks: [TOKENS - 1],
        forced: null,
        reward_model_score: Array.from({ length: TOKENS }, (___, t) => base + Math.sin(t)),
        policy_log_probs: Array.from({ length: TOKENS }, (___, t) => -Math.abs(Math.sin(t * (generation_idx + 1)))),
        gold: '4',
        answer,
        correctness_reward_func: isRight ? 2 : 0,
      };
    });
  }).flat();
}

/** No device: from the lines of a file to rows, and from rows to all numbers and a table. */
const numbersJob: Job = {
  suite: 'eval',
  name: `numbers of ${PROMPTS} prompts x ${SAMPLES}`,
  isQuick: true,
  isLarge: false,
  run: async ({ isQuick }) => {
    const drawn = drawnRows();
    const lines = drawn.map(formatRow);
    const reading: number[] = [];
    const computing: number[] = [];
    for (let run = 0; run < (isQuick ? 1 : 3); run++) {
      const start = performance.now();
      const { rows } = await collectRows(lines, 'bench.jsonl');
      const read = performance.now();
      const summary = evaluateRows(rows, { resamples: 1000 });
      renderTextTable(bestOfTable(summary.bestOfN));
      reading.push(read - start);
      computing.push(performance.now() - read);
    }
    const params = { prompts: PROMPTS, samples: SAMPLES, tokens: TOKENS, resamples: 1000 };
    const row = (name: string, times: readonly number[], bytes: number): Finding => ({
      name,
      params,
      library: 'dawngrad',
      time: summarise(times),
      work: { flops: 0, bytes },
      details: {},
    });
    const bytes = lines.reduce((sum, line) => sum + line.length + 1, 0);
    return [
      row(`${numbersJob.name}: metrics, bootstrap, tables`, computing, 0),
      row(`${numbersJob.name}: reading rows`, reading, bytes),
    ];
  },
};

/** Scoring of given completions through the library, beside the same passes by direct calls of the engine. */
function scoringJob(size: RlSize): Job {
  const name = `scoring ${size.name}`;
  return {
    suite: 'eval',
    name,
    isQuick: size === DEMO,
    isLarge: false,
    run: async ({ device, isQuick }) => {
      const models = await createModels(device, size, 'irl', 'all');
      const { task, policy, critic } = models;
      const { demonstrations } = task;
      const records = Array.from({ length: size.prompts * size.groupSize }, (_, i) =>
        expertRecord(task, demonstrations[i % demonstrations.length]!, { granularity: 'dense' }),
      );
      const reward = { temperature: 1, clip: [-5, 5] as [number, number], form: 'f' as const };
      const parts = {
        critic: [() => critic!.score(task, records, MICRO_BATCH, reward), () => direct(models, records, 'critic')],
        'log-probabilities': [
          () => recordLogProbs(policy, records, MICRO_BATCH),
          () => direct(models, records, 'policy'),
        ],
      } as const;
      const tokens = records.reduce((sum, one) => sum + one.promptIds.length + one.completionIds.length, 0);
      const findings: Finding[] = [];
      try {
        for (const [part, [ours, engine]] of Object.entries(parts)) {
          const times: [number[], number[]] = [[], []];
          for (let run = -2; run < (isQuick ? 5 : 20); run++) {
            for (const [side, work] of [ours, engine].entries()) {
              const start = performance.now();
              await work();
              if (run >= 0) times[side as 0 | 1].push(performance.now() - start);
            }
          }
          const [time, alone] = [summarise(times[0]), summarise(times[1])];
          findings.push({
            name: `${name}: ${part}`,
            params: { width: size.width, layers: size.layers, traces: records.length },
            library: 'dawngrad',
            time,
            work: { flops: 2 * weightsPerToken(size, task) * tokens, bytes: 0, tokens },
            details: {
              engine_tokens_per_second: (1000 * tokens) / alone.median,
              over_engine: time.median / alone.median,
            },
          });
        }
      } finally {
        models.dispose();
        device.pool.trim();
      }
      return findings;
    },
  };
}

const MICRO_BATCH = 8192;

async function direct({ policy, critic }: RlModels, records: readonly TraceRecord[], which: 'policy' | 'critic') {
  await scopeAsync(async () => {
    const batch = packSequences(policy.device, records.map(sequence));
    await read(
      which === 'policy' ? tokenLogProbs(policy, batch, {}).logp : critic!.readPlain(critic!.model.hidden(batch)),
    );
  });
}

function sequence({ promptIds, completionIds }: Pick<TraceRecord, 'promptIds' | 'completionIds'>): Uint32Array {
  return Uint32Array.from([...promptIds, ...completionIds]);
}

export const evaluationJobs: readonly Job[] = [numbersJob, reportJob, scoringJob(DEMO), scoringJob(LARGER)];
