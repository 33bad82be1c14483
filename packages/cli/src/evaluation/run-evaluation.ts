import { join } from 'node:path';
import type { Critic } from '@dawngrad/airl';
import { type EvaluationFile, evaluationFile } from '@dawngrad/eval';
import type { DecoderModel } from '@dawngrad/models';
import { writeFileAtomically } from '@dawngrad/models/node';
import type { CommandContext } from '../commands/command-context.ts';
import type { Config } from '../config/schema.ts';
import { compareGuided } from '../guided/compare-guided.ts';
import { loadCritic } from '../run/load-critic.ts';
import { loadModel } from '../run/load-model.ts';
import { positionNote } from '../run/position-note.ts';
import { rowChecker } from '../run/row-checker.ts';
import { runSession } from '../run/run-session.ts';
import { evaluateCells } from './evaluate-cells.ts';
import { EVALUATION } from './evaluation-folder.ts';
import { evaluationMode } from './evaluation-mode.ts';
import { evaluationText } from './evaluation-text.ts';
import { granularityNote } from './granularity-note.ts';
import { type EvaluationPlan, modeOf, needsPolicy, planEvaluation } from './plan-evaluation.ts';

export interface EvaluationRunOptions {
  readonly resume: boolean;
  /** Print evaluation.json instead of tables. */
  readonly json: boolean;
}

/** `dawngrad evaluate`: rows and evaluation.json in the run directory, tables on the screen. */
export async function runEvaluation(
  config: Config<'evaluate'>,
  { resume, json }: EvaluationRunOptions,
  context: CommandContext,
): Promise<void> {
  const plan = await planEvaluation(config, resume, context);
  const { policy, critic, maxPositions } = plan;
  let file: EvaluationFile | undefined;
  let comparison: string | undefined;
  const objective = evaluationObjective(plan);
  await runSession({ config, resume, inputs: plan.inputs, objective }, context, async (session) => {
    const { device, directory, progress } = session;
    const positions = policy === undefined ? undefined : positionNote(policy.model.config, maxPositions);
    const granularity = critic === undefined ? undefined : granularityNote(critic.folder, config.reward);
    for (const note of [positions, granularity, ...plan.notes.map((text) => `note: ${text}`)]) {
      if (note !== undefined) progress.note(note);
    }
    let policyModel: DecoderModel | undefined;
    let criticModel: Critic | undefined;
    try {
      if (policy !== undefined && needsPolicy(config)) {
        policyModel = await loadModel(
          device,
          policy.model,
          { trainable: false, maxPositions, format: config.policy.dtype },
          progress,
        );
      }
      if (critic !== undefined) {
        criticModel = await loadCritic(device, critic, {
          policy: (policy ?? critic).model,
          maxPositions,
          format: config.critic.dtype,
          training: null,
          progress,
        });
      }
      const sources = await evaluateCells(plan, { policy: policyModel, critic: criticModel }, session);
      if (sources === undefined) return;
      if (config.guidance.method !== 'none') {
        comparison = await compareGuided(plan, { policy: policyModel, critic: criticModel }, session, sources);
        if (comparison === undefined) return;
      }
      file = evaluationFile(sources, {
        ...summaryOptions(plan),
        settings: settingsOf(plan),
        notes: plan.notes,
      });
    } finally {
      policyModel?.dispose();
      criticModel?.dispose();
    }
    const text = `${JSON.stringify(file, null, 2)}\n`;
    await writeFileAtomically(join(directory.path, EVALUATION), new TextEncoder().encode(text));
  });
  if (file === undefined) return;
  const { dir } = config.run;
  if (json) context.out(`${JSON.stringify(file, null, 2)}\n`);
  else {
    const rows = file.cells.map((cell) => `rows: ${join(dir, cell.rows)}\n`).join('');
    context.out(
      `\n${evaluationText(file)}${comparison === undefined ? '' : `\n${comparison}\n`}${rows}numbers: ${join(dir, EVALUATION)}\n`,
    );
  }
}

function summaryOptions({ config, sizes, calibrationRows }: EvaluationPlan) {
  const { ks, best_of_rule, selector, resamples } = config.eval;
  return {
    resamples,
    seed: config.run.seed,
    selector,
    rule: best_of_rule,
    sizes,
    ...(ks === null ? {} : { ks }),
    ...(calibrationRows === undefined ? {} : { calibrationRows }),
  };
}

function settingsOf({ config, critic }: EvaluationPlan): EvaluationFile['settings'] {
  const { data, policy, reward, run, sampling } = config;
  return {
    mode: evaluationMode(config.eval.mode),
    checker: rowChecker(data),
    policy: policy.model,
    critic: critic === undefined ? null : config.critic.model,
    granularity: critic === undefined ? null : reward.granularity,
    data: data.path,
    topP: modeOf(config).samples === 'sampled' ? sampling.top_p : null,
    seed: run.seed,
  };
}

/** What decides the numbers, to be printed first. */
function evaluationObjective({ config, critic, given }: EvaluationPlan): string {
  const { eval: evaluation, sampling, reward, data, run } = config;
  const { samples_per_prompt, temperatures } = evaluation;
  const completions =
    given === undefined
      ? `${samples_per_prompt} ${samples_per_prompt === 1 ? 'sample' : 'samples'} a prompt at temperature ${(temperatures ?? [sampling.temperature]).join(', ')}` +
        (sampling.top_p < 1 ? `, top-p ${sampling.top_p}` : '')
      : `${given.records.length} given completions of ${given.prompts.length} prompts`;
  const hasScores = given?.prompts.some(({ rows }) => rows.some((row) => row.reward_model_score !== null)) === true;
  const scored =
    critic !== undefined
      ? `critic read at: ${reward.granularity}`
      : hasScores
        ? 'no critic, scores as the rows have them'
        : 'no critic';
  return `evaluation: ${completions}, ${rowChecker(data)} checker, ${scored}; seed ${run.seed}`;
}
