import type { SeedMeasures } from '../seed-measures.ts';
import { JUDGING_ARM, LOCALISING_ARMS, LOCALISING_RULE } from './claims.ts';
import { type Collapse, collapses, irlNames } from './collapse.ts';
import { localiserOf, mainN, passPairs, rerankPairs } from './find-measures.ts';
import { countText, percentText, pointsText } from './format-study.ts';
import { countEstimate, pairedEstimate, type StudyEstimate } from './study-estimate.ts';
import { isPublished, policyLabel, signalLabel } from './study-names.ts';
import { ROUNDING } from './verdict.ts';

type TargetStatus = 'reached' | 'not reached' | 'cannot be told';

/** A number that the study set out to reach. */
export interface Target {
  readonly title: string;
  readonly status: TargetStatus;
  /** What was found, a sentence. */
  readonly found: string;
  /** The numbers that the status follows from. */
  readonly parts: readonly TargetPart[];
}

interface TargetPart {
  readonly name: string;
  readonly estimate: StudyEstimate | null;
  /** Shares of 1: reached where the mean of the seeds is not below it. */
  readonly atLeast: number;
  readonly status: TargetStatus;
  /** Where the interval lies; null without one over seeds. */
  readonly interval: 'above' | 'contains' | 'below' | null;
}

/** How targets are judged; the interval is told beside it. */
export const TARGET_RULE =
  'A target is reached where the mean of the seeds is not below it, not reached where it is, and cannot be told with fewer than two seeds or where it was not measured. Where the 95 % interval over seeds lies against the target is told beside it.';

/**
 * The targets of the study, in setting T.
 *
 * @param planned seeds of the study: one that is not measured may be the one on which a policy collapsed
 */
export function studyTargets(tool: readonly SeedMeasures[], planned: number): Target[] {
  return [gainTarget(tool), floorTarget(tool), collapseTarget(tool, planned), rerankTarget(tool), localiseTarget(tool)];
}

function gainTarget(tool: readonly SeedMeasures[]): Target {
  const byArm = ['irl-interval', 'irl-dense'].map((arm) => [
    part(`${policyLabel(arm)} minus SFT`, pairedEstimate(passPairs(tool, arm, 'sft')), 0.12),
    part(`${policyLabel(arm)} minus GRPO`, pairedEstimate(passPairs(tool, arm, 'grpo')), 0),
  ]);
  const parts = byArm.flat();
  return {
    title: 'R-AIRL interval or dense: at least 12 points pass@1 over SFT, and not below GRPO',
    status: anyOf(byArm.map((some) => allOf(some.map(({ status }) => status)))),
    found: pointsFound(parts),
    parts,
  };
}

function floorTarget(tool: readonly SeedMeasures[]): Target {
  const parts = ['irl-sparse', 'irl-step'].map((arm) =>
    part(`${policyLabel(arm)} minus SFT`, pairedEstimate(passPairs(tool, arm, 'sft')), 0),
  );
  return {
    title: 'R-AIRL sparse and step: at least SFT’s pass@1',
    status: allOf(parts.map(({ status }) => status)),
    found: pointsFound(parts),
    parts,
  };
}

function collapseTarget(tool: readonly SeedMeasures[], planned: number): Target {
  // The critic as first published is there to compare with, and is told apart.
  const names = tool.flatMap(irlNames);
  const all = collapses(tool);
  const found = all.filter(({ policy }) => !isPublished(policy));
  const published = names.filter(isPublished).length;
  const trained = names.length - published;
  const seeds = tool.filter((one) => irlNames(one).some((name) => !isPublished(name))).length;
  const apart =
    published === 0
      ? ''
      : ` With the critic as first published: ${all.length - found.length} of ${published}${collapseList(all.filter(({ policy }) => isPublished(policy)))}.`;
  return {
    title: 'No variant of R-AIRL collapses on any seed',
    status: found.length > 0 ? 'not reached' : seeds < Math.max(2, planned) ? 'cannot be told' : 'reached',
    found: `${found.length} of ${countText(trained, 'trained policy', 'trained policies')} on ${countText(seeds, 'seed')}${seeds < planned ? ` of ${planned}` : ''} collapsed${collapseList(found)}.${apart}`,
    parts: [],
  };
}

function collapseList(found: readonly Collapse[]): string {
  if (found.length === 0) return '';
  return `: ${found.map(({ policy, seed, reasons }) => `${policyLabel(policy)}, seed ${seed} (${reasons.join('; ')})`).join('; ')}`;
}

function rerankTarget(tool: readonly SeedMeasures[]): Target {
  const n = mainN(tool);
  const over = (baseline: string): StudyEstimate | null =>
    pairedEstimate(rerankPairs(tool, 'sft', [`critic ${JUDGING_ARM}`, baseline], n));
  const parts = [
    part('critic step minus the mean', over('mean'), 0.22),
    part('critic step minus the base’s own proof-reading', over('proof-reading'), 0),
  ];
  return {
    title: `Best of ${n} SFT samples: at least 22 points over the mean, and above the base’s own proof-reading`,
    status: allOf(parts.map(({ status }) => status)),
    found: pointsFound(parts),
    parts,
  };
}

function localiseTarget(tool: readonly SeedMeasures[]): Target {
  const parts = LOCALISING_ARMS.map((arm) =>
    part(
      signalLabel(`critic ${arm}`),
      countEstimate(
        tool.flatMap((one) => {
          const found = localiserOf(one, 'natural', `critic ${arm}`, LOCALISING_RULE);
          return found === undefined ? [] : [{ seed: one.seed, hits: found.hits, n: found.n }];
        }),
      ),
      0.95,
    ),
  );
  return {
    title: 'First wrong step of natural errors: found at least 95 % of the time by a critic named beforehand',
    status: anyOf(parts.map(({ status }) => status)),
    found: `${parts.map(({ name, estimate }) => `${name} ${percentText(estimate)}`).join('; ')} per cent.`,
    parts,
  };
}

function part(name: string, estimate: StudyEstimate | null, atLeast: number): TargetPart {
  if (estimate === null || estimate.seeds < 2) {
    return { name, estimate, atLeast, status: 'cannot be told', interval: null };
  }
  const { value, low, high } = estimate;
  return {
    name,
    estimate,
    atLeast,
    status: value >= atLeast - ROUNDING ? 'reached' : 'not reached',
    interval: low! >= atLeast - ROUNDING ? 'above' : high! < atLeast ? 'below' : 'contains',
  };
}

function pointsFound(parts: readonly TargetPart[]): string {
  return `${parts.map(({ name, estimate }) => `${name} ${pointsText(estimate)}`).join('; ')}.`;
}

/** One that is not reached decides, else one that cannot be told. */
function allOf(statuses: readonly TargetStatus[]): TargetStatus {
  if (statuses.includes('not reached')) return 'not reached';
  return statuses.every((status) => status === 'reached') ? 'reached' : 'cannot be told';
}

/** One that is reached decides, else one that cannot be told. */
function anyOf(statuses: readonly TargetStatus[]): TargetStatus {
  if (statuses.includes('reached')) return 'reached';
  return statuses.every((status) => status === 'not reached') ? 'not reached' : 'cannot be told';
}
