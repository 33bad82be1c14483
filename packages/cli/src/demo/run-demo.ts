import { join } from 'node:path';
import {
  Critic,
  createDocument,
  createInverseRulesTask,
  type InverseRulesTask,
  inverseRulesTokenizer,
  type MetricRow,
  pretrain,
  type RunContext,
  type SampleRow,
  type TrainingResult,
  trainGrpo,
  trainIrl,
  trainSft,
} from '@dawngrad/airl';
import { directoryCheckpoints } from '@dawngrad/airl/node';
import { formatRow } from '@dawngrad/eval';
import { DecoderModel } from '@dawngrad/models';
import { writeFileAtomically } from '@dawngrad/models/node';
import type { RunSession } from '../run/run-session.ts';
import { RECIPE_NEGATIVES, recipeModel } from '../study/recipe.ts';
import { type EvaluatedSamples, evaluatePolicy } from './demo-evaluation.ts';
import type { DemoSettings } from './demo-settings.ts';

/** What a finished demo found. */
export interface DemoOutcome {
  readonly task: InverseRulesTask;
  /** Metrics of each stage, in order. */
  readonly stages: readonly { readonly name: string; readonly metrics: readonly MetricRow[] }[];
  readonly base: EvaluatedSamples;
  readonly sft: EvaluatedSamples;
  readonly grpo: EvaluatedSamples;
  readonly irl: EvaluatedSamples;
  /** Weights of the model. */
  readonly parameters: number;
}

/** Raised when the user stopped the demo: everything finished so far is on disk. */
export class DemoStopped extends Error {}

/**
 * The whole of the method in small: a base model from scratch, SFT on the demonstrations, GRPO on the
 * outcome, R-AIRL on the demonstrations alone, and all four evaluated on problems that none has seen.
 */
export async function runDemo(settings: DemoSettings, session: RunSession): Promise<DemoOutcome> {
  const { device, directory, progress, stop } = session;
  const { seed } = settings;
  const task = createInverseRulesTask({ seed, setting: 'tool', ...settings.task, ...RECIPE_NEGATIVES });
  const config = recipeModel(task.vocabSize, task.endIds);
  const stages: { name: string; metrics: MetricRow[] }[] = [];
  const models: DecoderModel[] = [];
  let critic: Critic | undefined;

  /** A stage ends in a checkpoint of its own, stopped or finished; R-AIRL's holds its critic. */
  const context = (name: string, folder: string): RunContext => {
    const metrics: MetricRow[] = [];
    stages.push({ name, metrics });
    return {
      reporter: progress,
      metrics: (row) => {
        metrics.push(row);
        directory.metrics.append({ stage: name, ...row });
      },
      samples: (row: SampleRow) => directory.samples.append({ stage: name, ...row }),
      shouldStop: () => stop.isRequested,
      nowMs: () => performance.now(),
      checkpoints: directoryCheckpoints({
        folder: join(directory.path, 'models', folder),
        keep: 1,
        everySteps: Number.MAX_SAFE_INTEGER,
        // The weights that a stage ends with are all that the next ones take.
        savesBest: false,
        sideFiles: inverseRulesTokenizer(),
        resume: false,
      }),
    };
  };
  const create = (): DecoderModel => {
    const model = DecoderModel.create(device, config, { trainable: true });
    models.push(model);
    return model;
  };
  const copyOf = async (source: DecoderModel): Promise<DecoderModel> => {
    const model = create();
    await model.copyWeightsFrom(source);
    return model;
  };
  const finish = async (result: Promise<TrainingResult>): Promise<void> => {
    const { status } = await result;
    if (status === 'stopped') throw new DemoStopped();
  };

  try {
    const base = create();
    base.initialise(seed);
    progress.note(
      `task: inverse-rule chains, seed ${seed}: ${settings.task.demonstrations} demonstrations, ${settings.task.test} test problems; model: ${base.base.count.toLocaleString('en')} parameters from random`,
    );
    const documentAt = (index: number): ReturnType<typeof createDocument> => createDocument(task.world, index);
    await finish(pretrain(base, documentAt, settings.pretrain, context('base model', 'base')));

    const sft = await copyOf(base);
    await finish(trainSft(sft, task, settings.sft, context('SFT', 'sft')));

    const grpo = await copyOf(base);
    await finish(trainGrpo(grpo, task, { ...settings.rounds, scale: 'group' }, context('GRPO', 'grpo')));

    const irl = await copyOf(base);
    critic = await Critic.copyOf(base, { pooling: settings.pooling });
    const irlOptions = { ...settings.rounds, ...settings.irl };
    await finish(trainIrl(irl, critic, task, irlOptions, context('R-AIRL', 'r-airl')));

    const total = task.test.length * settings.evaluation.samplesPerPrompt;
    const evaluate = async (
      name: string,
      policy: DecoderModel,
      scorer: Critic | undefined,
    ): Promise<EvaluatedSamples> => {
      if (stop.isRequested) throw new DemoStopped();
      const startedMs = performance.now();
      const samples = await evaluatePolicy(name, policy, task, settings, scorer, (done, _, tokens) => {
        progress.step(`evaluate ${name}`, done, total, {
          'perf/tokens_per_second': (1000 * tokens) / (performance.now() - startedMs),
        });
      });
      const lines = samples.rows.map((row) => `${formatRow(row)}\n`).join('');
      await writeFileAtomically(
        join(directory.path, `rows-${name.toLowerCase()}.jsonl`),
        new TextEncoder().encode(lines),
      );
      return samples;
    };
    return {
      task,
      stages,
      base: await evaluate('base', base, critic),
      sft: await evaluate('SFT', sft, critic),
      grpo: await evaluate('GRPO', grpo, critic),
      irl: await evaluate('R-AIRL', irl, critic),
      parameters: base.base.count,
    };
  } finally {
    critic?.dispose();
    for (const model of models) model.dispose();
  }
}
