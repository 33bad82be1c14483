import { basename, join } from 'node:path';
import type { Critic } from '@dawngrad/airl';
import { type EvaluationSummary, evaluateRows } from '@dawngrad/eval';
import type { DecoderModel } from '@dawngrad/models';
import { writeFileAtomically } from '@dawngrad/models/node';
import type { CommandContext } from '../commands/command-context.ts';
import type { Config } from '../config/schema.ts';
import { loadCritic } from '../run/load-critic.ts';
import { loadModel } from '../run/load-model.ts';
import { criticFolder, modelFolder, weightFiles } from '../run/model-folder.ts';
import { openSource } from '../run/open-source.ts';
import { positionNote } from '../run/position-note.ts';
import { readExamples } from '../run/read-examples.ts';
import { resolvingFor } from '../run/resolve-model.ts';
import { rowChecker } from '../run/row-checker.ts';
import type { RunInput } from '../run/run-inputs.ts';
import { type RunSession, runSession } from '../run/run-session.ts';
import { evaluationTask } from './evaluation-task.ts';
import { evaluationText } from './evaluation-text.ts';
import { granularityNote } from './granularity-note.ts';
import { RowFile } from './row-file.ts';
import { sampleRows } from './sample-rows.ts';

/** Files of an evaluation in its run directory. */
const ROWS = 'rows.jsonl';
const SUMMARY = 'summary.json';

/** `dawngrad evaluate`: rows.jsonl and summary.json in the run directory, tables on the screen. */
export async function runEvaluation(
  config: Config<'evaluate'>,
  resume: boolean,
  context: CommandContext,
): Promise<void> {
  // `resolveConfig` asks for both.
  const resolving = resolvingFor(config.run, resume, context);
  const { model: source, folder } = await openSource(config.policy.model as string, modelFolder, resolving('policy'));
  const scorer =
    config.critic.model === null ? undefined : await openSource(config.critic.model, criticFolder, resolving('critic'));
  const rows = await readExamples(config.data, 'test', resolving('data'));
  const task = evaluationTask(config, source, rows.examples);
  const maxPositions = task.maxPromptTokens + task.maxCompletionTokens;
  const inputs: RunInput[] = [
    { role: 'data', files: rows.files },
    { role: 'policy', files: await weightFiles(folder) },
    ...(scorer === undefined ? [] : [{ role: 'critic' as const, files: await weightFiles(scorer.folder) }]),
  ];
  let summary: EvaluationSummary | undefined;
  await runSession({ config, resume, inputs, objective: evaluationObjective(config) }, context, async (session) => {
    const { device, directory, progress } = session;
    const note = positionNote(source.config, maxPositions);
    if (note !== undefined) progress.note(note);
    const granularity = scorer === undefined ? undefined : granularityNote(scorer.folder, config.reward);
    if (granularity !== undefined) progress.note(granularity);
    if (task.dropped > 0) progress.note(`note: ${task.dropped} rows over the token limits are left out`);
    let policy: DecoderModel | undefined;
    let critic: Critic | undefined;
    try {
      policy = await loadModel(
        device,
        source,
        { trainable: false, maxPositions, format: config.policy.dtype },
        progress,
      );
      critic =
        scorer === undefined
          ? undefined
          : await loadCritic(device, scorer, {
              policy: source,
              maxPositions,
              format: config.critic.dtype,
              training: null,
              progress,
            });
      summary = await evaluate({ policy, critic, task, config, session });
    } finally {
      policy?.dispose();
      critic?.dispose();
    }
    if (summary === undefined) return;
    const text = `${JSON.stringify(summary, null, 2)}\n`;
    await writeFileAtomically(join(directory.path, SUMMARY), new TextEncoder().encode(text));
  });
  if (summary === undefined) return;
  context.out(
    `\n${evaluationText(summary)}rows: ${join(config.run.dir, ROWS)}\nsummary: ${join(config.run.dir, SUMMARY)}\n`,
  );
}

interface EvaluationWork {
  readonly policy: DecoderModel;
  readonly critic: Critic | undefined;
  readonly task: ReturnType<typeof evaluationTask>;
  readonly config: Config<'evaluate'>;
  readonly session: RunSession;
}

/** Does the prompts that are not done yet and sums up all of them; undefined where the user asked to stop. */
async function evaluate(work: EvaluationWork): Promise<EvaluationSummary | undefined> {
  const { policy, critic, task, config, session } = work;
  const { directory, progress, stop } = session;
  const { samples_per_prompt: samples, ks, resamples, batch } = config.eval;
  const ids = task.test.map(({ id }) => id);
  using file = await RowFile.open(join(directory.path, ROWS), ids, samples);
  const promptsAtOnce = Math.max(1, Math.floor(batch / samples));
  const held = file.rows.length / samples;
  if (held > 0) progress.note(`${held} of ${ids.length} prompts are done already`);
  const startMs = performance.now();
  let tokens = 0;
  for (let first = held; first < ids.length; first += promptsAtOnce) {
    const count = Math.min(promptsAtOnce, ids.length - first);
    let batchTokens = 0;
    const show = (done: number): void => {
      const perSecond = (tokens + batchTokens) / ((performance.now() - startMs) / 1000);
      progress.step('eval', first * samples + done, ids.length * samples, { 'perf/tokens_per_second': perSecond });
    };
    const rows = await sampleRows(policy, critic, task, config, count, {
      runId: basename(directory.path),
      firstPrompt: first,
      onProgress: (done, made) => {
        batchTokens = made;
        show(done);
      },
      shouldStop: () => stop.isRequested,
    });
    if (rows === undefined) return undefined;
    tokens += batchTokens;
    file.append(rows);
  }
  return evaluateRows(file.rows, {
    samplesPerPrompt: samples,
    sizes: bestOfSizes(samples),
    resamples,
    seed: config.run.seed,
    ...(ks === null ? {} : { ks }),
  });
}

/** 1, 2, 4, ... and the number of samples itself. */
function bestOfSizes(samples: number): number[] {
  const powers = Array.from({ length: Math.floor(Math.log2(samples)) + 1 }, (_, i) => 2 ** i);
  return [...new Set([...powers, samples])];
}

/** What decides the numbers, to be printed first. */
function evaluationObjective({
  eval: { samples_per_prompt },
  sampling,
  reward,
  critic,
  data,
  run,
}: Config<'evaluate'>): string {
  const scored = critic.model === null ? 'no critic' : `critic read at: ${reward.granularity}`;
  return `evaluation: ${samples_per_prompt} samples a prompt at temperature ${sampling.temperature}, ${rowChecker(data)} checker, ${scored}; seed ${run.seed}`;
}
