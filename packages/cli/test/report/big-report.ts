import { type EvalRow, type ReportCompletion, type ReportInput, summarise } from '@dawngrad/eval';
import { Rng } from '@dawngrad/tensor';

const HOSTILE = [
  '<script>document.title = "taken"</script><img src=x onerror=document.title="taken">',
  '\u001b[2J\u001b]0;taken\u0007\u0000 end',
  'half \ud800 and \udc00 \u202e reversed \u200b hidden',
];
const MEGABYTE = `${'long '.repeat(200_000)}tail`;

/** Completions of prompts whose difficulty differs, some of them hostile; token values are drawn. */
function drawnCompletions(prompts: number, samples: number, tokens: number): ReportCompletion[] {
  const rng = new Rng(3, 1);
  const words = ['so ', 'then ', 'x ', '= ', '12 ', 'therefore ', 'we ', 'get '];
  const all: ReportCompletion[] = [];
  for (let p = 0; p < prompts; p++) {
    for (let i = 0; i < samples; i++) {
      const at = p * samples + i;
      const correct = rng.uniform(at, 0) < (p % 10) / 10;
      const text = HOSTILE[at] ?? (at === HOSTILE.length ? MEGABYTE : undefined);
      const pieces =
        text === undefined ? Array.from({ length: tokens }, (_, t) => words[rng.integer(at, 10 + t, 8)]!) : [text];
      // Correct ones score higher, but not all of them.
      const base = (correct ? 0.3 : -0.3) + 0.5 * rng.normal(at, 3);
      const rewards = pieces.map((_, t) => base + rng.uniform(at, 1000 + t));
      all.push({
        prompt: `question ${p} <b>bold</b>`,
        place: i,
        pieces,
        text: pieces.join(''),
        rewards,
        logprobs: pieces.map((_, t) => -rng.uniform(at, 5000 + t)),
        advantages: null,
        forced: [0],
        correct,
        gold: '12',
        answer: correct ? '12' : i % 5 === 0 ? null : '7',
        score: rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length,
      });
    }
  }
  return all;
}

function rowsOf(completions: readonly ReportCompletion[], samples: number): EvalRow[] {
  return completions.map((one, at) => ({
    schema: 1,
    run_id: 'test',
    prompt_id: `p${Math.floor(at / samples)}`,
    prompt: [{ role: 'user', content: one.prompt }],
    generation: { content: one.text },
    generation_idx: one.place,
    completion_ids: null,
    marks: null,
    forced: null,
    reward_model_score: [one.score!],
    policy_log_probs: null,
    gold: one.gold,
    answer: one.answer,
    correctness_reward_func: one.correct ? 2 : 0,
  }));
}

/** A report of two runs with every part that the page's script draws. */
export function bigReport(prompts: number, samples: number, tokens: number): ReportInput {
  const completions = drawnCompletions(prompts, samples, tokens);
  const run = (name: string) => ({
    name,
    kind: 'train irl',
    state: 'finished',
    facts: [['seed', '1']] as const,
    checkerUse: [],
    config: `{ "name": "${name}" }`,
    environment: null,
  });
  const metrics = (shift: number) =>
    Array.from({ length: 200 }, (_, step) => ({
      step,
      loss: 2 * Math.exp(-step / 50) + shift,
      'eval/accuracy': step / 400 + shift,
      lr: 0.001,
      'a/metric_with_a_name_that_is_longer_than_a_phone_is_wide': 1,
    }));
  const rows = rowsOf(completions.slice(0, 40 * samples), samples);
  return {
    title: 'A report of many completions',
    runs: [run('runs/one'), run('runs/two')],
    summary: summarise([{ name: 'policy', rows, critic: 'the critic' }], { resamples: 100, sizes: [1, 4], ks: [1, 4] }),
    stages: [
      { name: 'train irl', run: 0, metrics: metrics(0) },
      { name: 'train irl', run: 1, metrics: metrics(0.1) },
    ],
    sections: [],
    difference: null,
    completions: [{ name: 'policy', completions, leftOut: 0, withoutTokens: null }],
    missing: {},
    notes: [],
  };
}
