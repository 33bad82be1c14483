import { join } from 'node:path';
import {
  decodePrompt,
  firstError,
  type InverseRulesTask,
  plantError,
  type Setting,
  type TaskPrompt,
  writerTrace,
} from '@dawngrad/airl';
import { writeFileAtomically } from '@dawngrad/models/node';
import { setProblems } from '../measure/problem-set.ts';
import { problemsHash } from '../measure/problems-hash.ts';
import { LINE_BYTES, linesText, TRACES_FILE, type TraceLine } from '../measure/trace-line.ts';
import { errorUnit, unitEnds } from '../measure/trace-units.ts';
import type { StudyPart } from '../part.ts';
import type { StudySettings } from '../study-settings.ts';
import { studyTask } from '../study-task.ts';

/**
 * Expert traces of test problems, one a problem, with one number changed; nothing else is recomputed. No policy writes
 * such an error: it is surprising where natural ones are confident.
 */
export function plantedPart(settings: StudySettings, seed: number, setting: Setting): StudyPart {
  const task = studyTask(settings, seed, setting);
  const prompts = task.test.slice(0, settings.measure.plantedErrors);
  return tracesPart('planted', { seed, setting, task, prompts, perProblem: 1 }, ({ promptIds }, p) => {
    const { completionIds } = plantError(task.world, decodePrompt(promptIds), p);
    return [completionIds];
  });
}

/** Traces of longer problems by the writer of the pre-training corpus, right and wrong ones. */
export function writerPart(settings: StudySettings, seed: number, setting: Setting, steps: number): StudyPart {
  const { measure } = settings;
  const { task, prompts } = setProblems(studyTask(settings, seed, setting), steps, 1, measure);
  const perProblem = measure.longerSamples;
  return tracesPart('writer', { seed, setting, task, prompts, perProblem }, ({ promptIds }, p) =>
    Array.from({ length: perProblem }, (_, g) => writerTrace(task.world, decodePrompt(promptIds), p * perProblem + g)),
  );
}

interface TracesOf {
  readonly seed: number;
  readonly setting: Setting;
  readonly task: InverseRulesTask;
  readonly prompts: readonly TaskPrompt[];
  readonly perProblem: number;
}

/** Traces that are made without a model. */
function tracesPart(
  kind: 'planted' | 'writer',
  { seed, setting, task, prompts, perProblem }: TracesOf,
  completionsOf: (prompt: TaskPrompt, p: number) => readonly Uint32Array[],
): StudyPart {
  const rules = Math.max(0, ...prompts.map(({ promptIds }) => decodePrompt(promptIds).rules.length));
  return {
    kind,
    version: 1,
    label: kind === 'planted' ? 'planted errors' : `written traces, ${rules} rules`,
    seed,
    setting,
    settings: { problems: problemsHash(prompts), perProblem },
    inputs: {},
    cost: { flops: 0, tokens: 0, bytes: prompts.length * perProblem * LINE_BYTES },
    async run({ folder }) {
      const lines = prompts.flatMap((prompt, p) =>
        completionsOf(prompt, p).map((ids, g) => traceLine(task, prompt, ids, { p, g })),
      );
      await writeFileAtomically(join(folder, TRACES_FILE), new TextEncoder().encode(linesText(lines)));
      const wrong = lines.filter(({ error }) => error !== null).length;
      return {
        status: 'finished',
        result: { traces: lines.length, wrong },
        headline: `${wrong} of ${lines.length} traces wrong`,
      };
    },
  };
}

function traceLine(
  task: InverseRulesTask,
  prompt: TaskPrompt,
  completionIds: Uint32Array,
  at: Pick<TraceLine, 'p' | 'g'>,
): TraceLine {
  const problem = decodePrompt(prompt.promptIds);
  const ends = unitEnds(completionIds.length, problem.rules.length);
  const { answer, outcome } = task.check(task.decode(completionIds), prompt);
  return {
    ...at,
    ids: [...completionIds],
    error: errorUnit(firstError(task.world, problem, completionIds), ends),
    correct: outcome === 'correct',
    answer,
  };
}
