import type { Setting } from '@dawngrad/airl';
import type { Arm } from './arm.ts';
import { type ProblemSet, setProblems } from './measure/problem-set.ts';
import type { StudyPart } from './part.ts';
import { irlOptions } from './parts/irl.ts';
import { type SamplesOf, samplesPart } from './parts/samples.ts';
import type { TraceSet } from './parts/score-part.ts';
import { judgePart, logProbsPart, proofreadPart } from './parts/scorers.ts';
import { plantedPart, writerPart } from './parts/traces.ts';
import type { FailedArm } from './seed-measures.ts';
import { recipeOf, type StudySettings } from './study-settings.ts';
import { studyTask } from './study-task.ts';

/** A seed in a setting, trained. */
export interface TrainedArms {
  readonly seed: number;
  readonly setting: Setting;
  readonly base: StudyPart;
  /** By the names of the arms, SFT first. */
  readonly arms: ReadonlyMap<string, StudyPart>;
  /** Arms that are not among them since their training failed. */
  readonly failed: readonly FailedArm[];
}

/** All that is measured of a seed in a setting. */
export interface MeasuringParts {
  readonly trained: TrainedArms;
  readonly samples: readonly (SamplesOf & { readonly part: StudyPart })[];
  readonly planted: TraceSet;
  /** By the number of rules. */
  readonly writer: ReadonlyMap<number, TraceSet>;
  readonly logProbs: StudyPart;
  readonly proofread: StudyPart;
  /** By the name of the arm whose critic judges. */
  readonly judges: ReadonlyMap<string, StudyPart>;
  /** Each once, after its inputs. */
  readonly all: readonly StudyPart[];
}

/** The arm whose critic judges the base model's samples as well. */
const JUDGE_OF_BASE = 'irl-interval';
/** Reranking looks at samples as they come. */
export const PLAIN_TEMPERATURE = 1;

/** The name of a set of samples at the plain temperature, for the parts that score it and their files. */
export function sampleSet(policy: string, set: ProblemSet): string {
  return `${policy}-${set}`;
}

/** What is measured of the arms of a seed in a setting. Longer chains are left to the setting with a tool. */
export function measuringParts(settings: StudySettings, trained: TrainedArms): MeasuringParts {
  const { measure } = settings;
  const { seed, setting, base } = trained;
  const task = studyTask(settings, seed, setting);
  const arms = settings.arms[setting].filter(({ name }) => trained.arms.has(name));
  const longerSteps = setting === 'tool' ? measure.longerSteps : [];

  const samples: (SamplesOf & { readonly part: StudyPart })[] = [];
  const sets = new Map<string, TraceSet>();
  const draw = (name: string, set: ProblemSet, temperature: number): void => {
    const of = { name, setting, set, temperature };
    const part = samplesPart(settings, name === 'base' ? base : trained.arms.get(name)!, of);
    samples.push({ ...of, part });
    if (temperature !== PLAIN_TEMPERATURE) return;
    const { samplesPerProblem, ...problems } = setProblems(task, set, temperature, measure);
    const title = sampleSet(name, set);
    sets.set(title, { ...problems, name: title, part, perProblem: samplesPerProblem });
  };
  for (const name of ['base', ...arms.map((arm) => arm.name)]) {
    for (const temperature of measure.temperatures) draw(name, 'test', temperature);
  }
  draw('sft', 'dev', PLAIN_TEMPERATURE);
  const plain = ['base', ...arms.filter(isPlain).map(({ name }) => name)];
  for (const steps of longerSteps) for (const name of plain) draw(name, steps, PLAIN_TEMPERATURE);

  const planted: TraceSet = {
    task,
    prompts: task.test,
    name: 'planted',
    part: plantedPart(settings, seed, setting),
    perProblem: Math.min(1, measure.plantedErrors / task.test.length),
  };
  const writer = new Map(
    longerSteps.map((steps): [number, TraceSet] => {
      const { task: longer, prompts } = setProblems(task, steps, PLAIN_TEMPERATURE, measure);
      const part = writerPart(settings, seed, setting, steps);
      return [steps, { task: longer, prompts, name: `writer-${steps}`, part, perProblem: measure.longerSamples }];
    }),
  );
  // Everything that finds errors or ranks is seen on these.
  const common = [sets.get('sft-test')!, sets.get('sft-dev')!, planted];
  const irl = arms.filter(({ method }) => method === 'irl');
  const more = (arm: Arm): TraceSet[] => [
    ...(isPlain(arm) ? [sets.get(sampleSet(arm.name, 'test'))!, ...writer.values()] : []),
    ...(arm.name === JUDGE_OF_BASE ? [sets.get('base-test')!] : []),
  ];
  const judges = new Map(
    irl.map((arm): [string, StudyPart] => {
      const { reward } = irlOptions(recipeOf(settings, seed, setting), arm);
      return [arm.name, judgePart(trained.arms.get(arm.name)!, reward, [...common, ...more(arm)])];
    }),
  );
  const proofread = proofreadPart(base, [...new Set([...common, ...writer.values(), ...irl.flatMap(more)])]);
  const logProbs = logProbsPart(trained.arms.get('sft')!, [planted, ...writer.values()]);
  const all = [
    ...samples.map(({ part }) => part),
    planted.part,
    ...[...writer.values()].map(({ part }) => part),
    logProbs,
    proofread,
    ...judges.values(),
  ];
  return { trained, samples, planted, writer, logProbs, proofread, judges, all };
}

/** The arms of the main comparison, which are measured in every way. */
function isPlain({ credit, relabel, critic, estimator, loss }: Arm): boolean {
  return [credit, relabel, critic, estimator, loss].every((own) => own === undefined);
}
