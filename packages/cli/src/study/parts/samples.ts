import { join } from 'node:path';
import type { Setting } from '@dawngrad/airl';
import { writeFileAtomically } from '@dawngrad/models/node';
import { drawSamples } from '../measure/draw-samples.ts';
import { type ProblemSet, setProblems } from '../measure/problem-set.ts';
import { problemsHash } from '../measure/problems-hash.ts';
import { LINE_BYTES, linesText, SAMPLES_FILE, type SampleLine } from '../measure/trace-line.ts';
import type { StudyPart } from '../part.ts';
import { loadPolicy } from '../stored-models.ts';
import type { StudySettings } from '../study-settings.ts';
import { studyTask } from '../study-task.ts';
import { tokenCost } from '../token-cost.ts';

/** What is sampled. */
export interface SamplesOf {
  /** `base` or the name of an arm. */
  readonly name: string;
  readonly setting: Setting;
  readonly set: ProblemSet;
  readonly temperature: number;
}

/** Samples of a policy on a set of problems. */
export function samplesPart(settings: StudySettings, policy: StudyPart, of: SamplesOf): StudyPart {
  const { seed } = policy;
  const { name, setting, set, temperature } = of;
  const problems = setProblems(studyTask(settings, seed, setting), set, temperature, settings.measure);
  const { prompts, samplesPerProblem, task } = problems;
  const total = prompts.length * samplesPerProblem;
  const where = typeof set === 'number' ? `${set} rules` : set;
  return {
    kind: 'samples',
    version: 1,
    label: `samples of ${name}, ${where}, at ${temperature}`,
    seed,
    setting,
    settings: { set, problems: problemsHash(prompts), samplesPerProblem, temperature },
    inputs: { policy },
    cost: tokenCost({
      // Of a set of mixed problems one sample in three is as long as the longest.
      forward: total * (task.maxPromptTokens + task.maxCompletionTokens - (typeof set === 'number' ? 0 : 8)),
      bytes: total * LINE_BYTES,
    }),
    async run({ device, folder, inputs, progress, shouldStop }) {
      const model = await loadPolicy(device, inputs.policy!);
      const startedMs = performance.now();
      try {
        const lines = await drawSamples(model, problems, {
          seed,
          temperature,
          shouldStop,
          onProgress: (done, all, tokens) =>
            progress.step('sample', done, all, {
              'perf/tokens_per_second': (1000 * tokens) / (performance.now() - startedMs),
            }),
        });
        if (lines === undefined) return { status: 'stopped' };
        await writeFileAtomically(join(folder, SAMPLES_FILE), new TextEncoder().encode(linesText(lines)));
        const share = (isOne: (line: SampleLine) => boolean): number => lines.filter(isOne).length / lines.length;
        const passAt1 = share(({ correct }) => correct);
        const wellFormed = share((line) => line.wellFormed);
        const fudged = lines.reduce((sum, line) => sum + line.fudged, 0) / lines.length;
        return {
          status: 'finished',
          result: { passAt1, wellFormed, fudged },
          headline: `pass@1 ${passAt1.toFixed(3)} on ${prompts.length} problems, ${(100 * wellFormed).toFixed(0)} % well-formed, ${fudged.toFixed(2)} fudged lines a sample`,
        };
      } finally {
        model.dispose();
      }
    },
  };
}
