import { mkdirSync } from 'node:fs';
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
import { LlamaModel } from '@dawngrad/models';
import { saveModelDirectory } from '@dawngrad/models/node';
import { ToolError } from '@dawngrad/tensor';
import type { RunSession } from '../run/run-session.ts';
import { type EvaluatedSamples, evaluatePolicy } from './demo-evaluation.ts';
import { type DemoSettings, demoModel } from './demo-settings.ts';

/** What a finished demo found. */
export interface DemoOutcome {
  readonly task: InverseRulesTask;
  /** Metrics of each stage, in order. */
  readonly stages: readonly { readonly name: string; readonly metrics: readonly MetricRow[] }[];
  readonly base: EvaluatedSamples;
  readonly sft: EvaluatedSamples;
  readonly grpo: EvaluatedSamples;
  readonly irl: EvaluatedSamples;
  /** Dev accuracy of the SFT checkpoint that was kept. */
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
  const task = createInverseRulesTask({ seed, setting: 'tool', ...settings.task });
  const config = demoModel(task.vocabSize, task.endIds);
  const stages: { name: string; metrics: MetricRow[] }[] = [];
  const models: LlamaModel[] = [];
  let critic: Critic | undefined;

  const context = (name: string): RunContext => {
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
    };
  };
  const create = (): LlamaModel => {
    const model = LlamaModel.create(device, config, { trainable: true });
    models.push(model);
    return model;
  };
  const copyOf = (source: LlamaModel): LlamaModel => {
    const model = create();
    model.copyWeightsFrom(source);
    return model;
  };
  const save = async (name: string, model: LlamaModel): Promise<void> => {
    mkdirSync(join(directory.path, 'models'), { recursive: true });
    await saveModelDirectory(join(directory.path, 'models', name), {
      config,
      tensors: model.tensorSources(),
      tokenizerFiles: inverseRulesTokenizer(),
    });
  };
  const finish = async (name: string, model: LlamaModel, result: Promise<TrainingResult>): Promise<void> => {
    const { status } = await result;
    await save(name, model);
    if (status === 'stopped') throw new DemoStopped();
  };

  try {
    const base = create();
    base.initialise(seed);
    progress.note(
      `task: inverse-rule chains, seed ${seed}: ${settings.task.demonstrations} demonstrations, ${settings.task.test} test problems; model: ${base.base.count.toLocaleString('en')} parameters from random`,
    );
    const documentAt = (index: number): ReturnType<typeof createDocument> => createDocument(task.world, index);
    await finish('base', base, pretrain(base, documentAt, settings.pretrain, context('base model')));

    const sft = copyOf(base);
    await finish('sft', sft, trainSft(sft, task, settings.sft, context('SFT')));

    const grpo = copyOf(base);
    await finish('grpo', grpo, trainGrpo(grpo, task, { ...settings.rounds, scale: 'group' }, context('GRPO')));

    const irl = copyOf(base);
    critic = Critic.copyOf(base);
    const training = trainIrl(irl, critic, task, { ...settings.rounds, ...settings.irl }, context('R-AIRL'));
    await finish('r-airl', irl, training);

    const total = task.test.length * settings.evaluation.samplesPerPrompt;
    const evaluate = async (
      name: string,
      policy: LlamaModel,
      scorer: Critic | undefined,
    ): Promise<EvaluatedSamples> => {
      if (stop.isRequested) throw new DemoStopped();
      const startedMs = performance.now();
      return evaluatePolicy(name, policy, task, settings, scorer, (done, _, tokens) => {
        progress.step(`evaluate ${name}`, done, total, {
          'perf/tokens_per_second': (1000 * tokens) / (performance.now() - startedMs),
        });
      });
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
  } catch (error) {
    // A stop may also surface as a sampler that was asked to end early.
    if (stop.isRequested && !(error instanceof ToolError)) throw new DemoStopped();
    throw error;
  } finally {
    critic?.dispose();
    for (const model of models) model.dispose();
  }
}
