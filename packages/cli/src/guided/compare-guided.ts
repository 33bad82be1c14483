import { join } from 'node:path';
import type { EvaluationSource } from '@dawngrad/eval';
import { parameterCount } from '@dawngrad/models';
import { writeFileAtomically } from '@dawngrad/models/node';
import { evaluateCell, type LoadedModels } from '../evaluation/evaluate-cells.ts';
import type { EvaluationPlan } from '../evaluation/plan-evaluation.ts';
import type { RunSession } from '../run/run-session.ts';
import { costFileName, readCosts } from './cost-file.ts';
import {
  bestOfAtEqualCompute,
  compareAtEqualCompute,
  comparisonText,
  type GuidanceComparison,
} from './equal-compute.ts';

/** The numbers of the comparison in the run directory. */
const GUIDANCE = 'guidance.json';

/**
 * Samples as many plain completions as cost what the guided ones did, takes the best of each N by the
 * critic and compares. Writes guidance.json; returns what is to be printed, undefined where the user asked
 * to stop.
 */
export async function compareGuided(
  plan: EvaluationPlan,
  models: LoadedModels,
  session: RunSession,
  sources: readonly EvaluationSource[],
): Promise<string | undefined> {
  const { config, task } = plan;
  const promptTokens = new Map(task.test.map(({ id, promptIds }) => [id, promptIds.length]));
  const sizes = {
    policy: parameterCount(models.policy!.config),
    critic: parameterCount(models.critic!.model.config),
  };
  const cells: GuidanceComparison[] = [];
  for (const { rows, file, temperature } of sources) {
    const costs = readCosts(join(session.directory.path, costFileName(file)));
    const bestOf = bestOfAtEqualCompute(rows, costs, promptTokens, sizes);
    const plain = {
      ...plan,
      config: {
        ...config,
        guidance: { ...config.guidance, method: 'none' as const },
        eval: { ...config.eval, samples_per_prompt: config.eval.samples_per_prompt * bestOf },
      },
    };
    session.progress.note(`plain samples for the best of ${bestOf}, which cost as much as the guided ones`);
    const others = await evaluateCell(plain, models, session, `plain_${file}`, temperature);
    if (others === undefined) return undefined;
    const { selector, resamples } = config.eval;
    const options = { temperature, costs, promptTokens, sizes, bestOf, selector, resamples, seed: config.run.seed };
    cells.push(compareAtEqualCompute(rows, others, options));
  }
  const { method } = config.guidance;
  const json = `${JSON.stringify({ schema: 1, guidance: config.guidance, cells }, null, 2)}\n`;
  await writeFileAtomically(join(session.directory.path, GUIDANCE), new TextEncoder().encode(json));
  return cells.map((cell) => comparisonText(method, cell)).join('');
}
