import { decodePrompt, isCovered } from '@dawngrad/airl';
import { type MeasuringParts, PLAIN_TEMPERATURE, sampleSet } from '../measuring-parts.ts';
import type { StudyPart } from '../part.ts';
import type { LongerMeasure, PolicyMeasure, SeedMeasures } from '../seed-measures.ts';
import type { StudySettings } from '../study-settings.ts';
import { studyTask } from '../study-task.ts';
import { evenly } from './localise.ts';
import { localiseMeasures, unitThresholds, wrongTraces } from './localise-measures.ts';
import { longerPolicy, longerScorers } from './longer-measures.ts';
import { readSamples } from './read-lines.ts';
import { aurocOfSamples, type RankedSamples, rerankSamples, rightShares } from './rerank-samples.ts';
import { type ScoredSet, scoredSet } from './scored-set.ts';
import type { SampleLine } from './trace-line.ts';
import { trainingMeasure } from './training-measure.ts';

/** Numbers of samples to choose from, as far as there are that many. */
const BEST_OF = [4, 16];

/**
 * All measures of a seed in a setting, from the files of its finished parts alone. Throws ToolError 'corrupt' where one
 * is damaged.
 *
 * @param folderOf the folder of a finished part
 */
export function measureSeed(
  settings: StudySettings,
  parts: MeasuringParts,
  folderOf: (part: StudyPart) => string,
): SeedMeasures {
  const { trained, planted, writer } = parts;
  const { seed, setting } = trained;
  const task = studyTask(settings, seed, setting);
  const scored = (set: Parameters<typeof scoredSet>[1]): ScoredSet => scoredSet(parts, set, folderOf);

  const policies: PolicyMeasure[] = [];
  const longer: LongerMeasure[] = [];
  for (const { name, set, temperature, part } of parts.samples) {
    if (set === 'dev') continue;
    const samples = readSamples(folderOf(part));
    if (set === 'test') policies.push(policyMeasure(name, temperature, samples, task.test.length));
    else longer.push(...longerPolicy(set, name, samples, settings.measure.longerProblems));
  }

  const testSets = parts.samples.filter(({ set, temperature }) => set === 'test' && temperature === PLAIN_TEMPERATURE);
  const ranked = testSets.flatMap(({ name, part }): RankedSamples[] => {
    const set = scored({ name: sampleSet(name, 'test'), part, prompts: task.test });
    // The policy's own log-probability is always there; without a judge there is nothing to rank by.
    return set.scores.size > 1 ? [rankedOf(name, set)] : [];
  });

  const sizes = BEST_OF.filter((n) => n <= settings.measure.samplesPerProblem);

  const ofSft = (set: 'test' | 'dev'): ScoredSet => {
    const { part } = parts.samples.find((one) => one.name === 'sft' && one.set === set)!;
    return scored({ name: sampleSet('sft', set), part, prompts: task[set] });
  };
  const thresholds = unitThresholds(ofSft('dev'));
  const natural = ofSft('test');
  const edited = scored(planted);
  const traces = [...edited.traces.keys()];

  for (const [steps, set] of writer) {
    const written = scored(set);
    longer.push(...longerScorers(steps, written, rankedOf('writer', written), thresholds));
  }
  return {
    seed,
    setting,
    coverage: task.coverage.fraction,
    isCovered: task.test.map(({ promptIds }) => isCovered(task.world, decodePrompt(promptIds), task.coverage)),
    policies,
    rerank: ranked.flatMap((one) => rerankSamples(one, sizes)),
    auroc: ranked.flatMap(aurocOfSamples),
    localise: [
      ...localiseMeasures('natural', natural, evenly(wrongTraces(natural), settings.measure.naturalErrors), thresholds),
      ...localiseMeasures('planted', edited, traces, thresholds),
    ],
    longer,
    training: [...trained.arms].map(([arm, part]) => trainingMeasure(arm, folderOf(part))),
    ...(trained.failed.length === 0 ? {} : { failed: trained.failed }),
  };
}

function policyMeasure(
  name: string,
  temperature: number,
  samples: readonly SampleLine[],
  problems: number,
): PolicyMeasure {
  const share = (isOne: (sample: SampleLine) => boolean): number => samples.filter(isOne).length / samples.length;
  return {
    name,
    temperature,
    samplesPerProblem: samples.length / problems,
    perProblem: rightShares(samples, problems),
    wellFormed: share(({ wellFormed }) => wellFormed),
    fudgedPerSample: samples.reduce((sum, { fudged }) => sum + fudged, 0) / samples.length,
    withFudged: share(({ fudged }) => fudged > 0),
    fullyRight: share(({ correct, error }) => correct && error === null),
  };
}

function rankedOf(policy: string, { prompts, traces, scores }: ScoredSet): RankedSamples {
  return {
    policy,
    problems: prompts.length,
    samples: traces,
    scores: new Map([...scores].map(([name, lines]) => [name, lines.map(({ reward }) => reward)])),
  };
}
