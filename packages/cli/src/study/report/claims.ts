import type { LocaliseMeasure, SeedMeasures } from '../seed-measures.ts';
import { localiserOf, mainN, passPairs, rerankPairs } from './find-measures.ts';
import { pointsText } from './format-study.ts';
import {
  type ComparedShares,
  countDifference,
  pairedEstimate,
  type Share,
  type StudyEstimate,
} from './study-estimate.ts';
import { policyLabel, signalLabel } from './study-names.ts';
import { type Verdict, verdictOf, verdictOfAll } from './verdict.ts';

/** Named before any of the default seeds was measured, so that no result of theirs chose them. */
const PRIMARY_ARM = 'irl-interval';
/** Whose critic judges samples and lines: it is read where a line ends. */
export const JUDGING_ARM = 'irl-step';
/** Critics that localisation may be reported of; the claim is decided by the judging one. */
export const LOCALISING_ARMS = [JUDGING_ARM, PRIMARY_ARM] as const;
/** How a critic names the first wrong line: the first one whose reward is below a threshold of the dev problems. */
export const LOCALISING_RULE: LocaliseMeasure['rule'] = 'threshold';

/** How each claim is decided, fixed before any of the default seeds was measured. */
export const CLAIM_RULES = {
  trains:
    'R-AIRL interval with sequence credit in setting T, last checkpoint, minus SFT, best dev checkpoint: pass@1 at temperature 1 on the test problems, paired by seed and problem.',
  reranks:
    'Best of 16 SFT samples in setting T by the reward of the critic of R-AIRL step, minus the mean of the samples, paired by seed and problem.',
  localises:
    'Natural errors, which are wrong SFT samples in setting T: share of traces in which the first line that the critic of R-AIRL step rewards below a threshold (the lowest line where none is; set on wrong SFT samples of dev problems) is the first wrong line, minus that of each of four baselines: chance on the same lines, always the first line, and log-probability by its largest drop and by its lowest line. All four differences count.',
} as const;

/** An effect with what the rule makes of it. */
interface JudgedEffect {
  readonly name: string;
  readonly estimate: StudyEstimate | null;
  readonly verdict: Verdict;
}

export interface Claim {
  readonly id: 'trains' | 'reranks' | 'localises';
  readonly title: string;
  readonly rule: string;
  readonly verdict: Verdict;
  /** What decides, shares of 1. */
  readonly effect: StudyEstimate | null;
  /** What it means in plain words. */
  readonly sentence: string;
  /** Where the claim must not be read as more than it is. */
  readonly caveats: readonly string[];
  /** Beside what decides: against other baselines, of other arms. */
  readonly further: readonly JudgedEffect[];
}

/** The three claims of the paper, decided in setting T; `open` adds what happens to them where policies check themselves. */
export function studyClaims(tool: readonly SeedMeasures[], open: readonly SeedMeasures[]): Claim[] {
  return [trainsClaim(tool, open), reranksClaim(tool, open), localisesClaim(tool)];
}

function trainsClaim(tool: readonly SeedMeasures[], open: readonly SeedMeasures[]): Claim {
  const effect = pairedEstimate(passPairs(tool, PRIMARY_ARM, 'sft'), { isCrossed: true });
  const covered = pairedEstimate(passPairs(tool, PRIMARY_ARM, 'sft', 1, 'covered'));
  const uncovered = pairedEstimate(passPairs(tool, PRIMARY_ARM, 'sft', 1, 'not covered'));
  const overGrpo = pairedEstimate(passPairs(tool, PRIMARY_ARM, 'grpo'));
  const inOpen = pairedEstimate(passPairs(open, PRIMARY_ARM, 'sft'));
  const arm = policyLabel(PRIMARY_ARM);
  return {
    id: 'trains',
    title: 'A reward learned from expert traces trains better than SFT on the same traces',
    rule: CLAIM_RULES.trains,
    verdict: verdictOf(effect),
    effect,
    sentence: effectSentence(effect, `${arm} solves`, 'problems in a hundred than SFT'),
    caveats: [
      ...failureCaveat(tool, PRIMARY_ARM),
      ...coverageCaveat(tool, effect, covered, uncovered),
      ...(overGrpo === null
        ? []
        : [
            `GRPO is rewarded by an answer checker and is the reference with a verifier; ${arm} stands ${pointsText(overGrpo)} points against it.`,
          ]),
      'SFT keeps the checkpoint that is best on dev problems, which takes the checker and favours SFT. Arms of R-AIRL and GRPO use unlabelled prompts, which SFT has no use for.',
      ...(inOpen === null
        ? []
        : [
            `Setting O, where the policy writes the results of its own checks: ${pointsText(inOpen)} points; by the same rule it ${verdictOf(inOpen)} there.`,
          ]),
    ],
    further: [
      judged('at temperature 0.5', pairedEstimate(passPairs(tool, PRIMARY_ARM, 'sft', 0.5))),
      judged('problems whose facts are all in the demonstrations', covered),
      judged('the other problems', uncovered),
      judged('minus GRPO', overGrpo),
      ...['irl-sparse', 'irl-step', 'irl-dense'].map((name) =>
        judged(`${policyLabel(name)} minus SFT`, pairedEstimate(passPairs(tool, name, 'sft'))),
      ),
      judged('in setting O', inOpen),
    ].filter(isThere),
  };
}

/** Seeds that the effect cannot be of: those that are left may be the easier ones. */
function failureCaveat(measures: readonly SeedMeasures[], name: string): string[] {
  const seeds = measures.flatMap(({ seed, failed = [] }) => (failed.some(({ arm }) => arm === name) ? [seed] : []));
  if (seeds.length === 0) return [];
  return [
    `The training of ${policyLabel(name)} failed on ${seeds.length === 1 ? 'seed' : 'seeds'} ${seeds.join(', ')}: the effect is of the other seeds alone.`,
  ];
}

/** Where the gain lies, as the numbers say it. */
function coverageCaveat(
  tool: readonly SeedMeasures[],
  effect: StudyEstimate | null,
  covered: StudyEstimate | null,
  uncovered: StudyEstimate | null,
): string[] {
  if (effect === null || covered === null || uncovered === null) return [];
  const share = tool.reduce((sum, { coverage }) => sum + coverage, 0) / tool.length;
  const where =
    effect.value > 0 && covered.value <= 0
      ? 'The whole gain lies on problems with facts that no demonstration shows'
      : uncovered.value > covered.value
        ? 'More of the difference lies on problems with facts that no demonstration shows'
        : 'The difference is not larger on problems with facts that no demonstration shows';
  return [
    `${where}: ${pointsText(uncovered)} points there, ${pointsText(covered)} on problems whose facts are all demonstrated. The demonstrations show ${Math.round(100 * share)} % of the facts; what R-AIRL learns of the others it learns from prompts without an answer.`,
  ];
}

function reranksClaim(tool: readonly SeedMeasures[], open: readonly SeedMeasures[]): Claim {
  const n = mainN(tool);
  const critic = `critic ${JUDGING_ARM}`;
  const over = (baseline: string, policy = 'sft', measures = tool): StudyEstimate | null =>
    pairedEstimate(rerankPairs(measures, policy, [critic, baseline], n), { isCrossed: baseline === 'mean' });
  const effect = over('mean');
  const proofReading = over('proof-reading');
  return {
    id: 'reranks',
    title: 'The learned reward chooses the better of several samples',
    rule: CLAIM_RULES.reranks,
    verdict: verdictOf(effect),
    effect,
    sentence: effectSentence(
      effect,
      `Choosing one of ${n} SFT samples by the learned reward solves`,
      'problems in a hundred than taking one at random',
    ),
    caveats: [
      ...failureCaveat(tool, JUDGING_ARM),
      ...(proofReading === null
        ? []
        : [
            `The base model’s own proof-reading, with no critic at all, is an honest baseline since the checking knowledge is in the base: the critic stands ${pointsText(proofReading)} points against it${verdictOf(proofReading) === 'holds' ? '' : ', so what the critic adds to the base’s own judgement is not shown'}.`,
          ]),
    ],
    further: [
      judged('minus majority vote', over('majority')),
      judged('minus the base’s own proof-reading', proofReading),
      judged('minus log-probability', over('log-probability')),
      judged(`on the samples of ${policyLabel(JUDGING_ARM)} itself, minus their mean`, over('mean', JUDGING_ARM)),
      judged('on the base’s samples, minus their mean', over('mean', 'base')),
      judged('in setting O, minus the mean', over('mean', 'sft', open)),
      ...['irl-sparse', 'irl-interval', 'irl-dense'].map((arm) =>
        judged(
          `${signalLabel(`critic ${arm}`)} minus the mean`,
          pairedEstimate(rerankPairs(tool, 'sft', [`critic ${arm}`, 'mean'], n)),
        ),
      ),
    ].filter(isThere),
  };
}

function localisesClaim(tool: readonly SeedMeasures[]): Claim {
  const critic = `critic ${JUDGING_ARM}`;
  const baselines = (Object.keys(BASELINES) as BaselineName[]).map((baseline) =>
    judged(`minus ${baseline}`, overBaseline(tool, 'natural', critic, baseline)),
  );
  const known = baselines.filter(isThere);
  // The strongest baseline leaves the smallest difference.
  const effect = known.reduce<StudyEstimate | null>(
    (least, { estimate }) => (least === null || estimate!.value < least.value ? estimate : least),
    null,
  );
  const proofReading = overProofReading(tool, critic);
  const verdict =
    known.length < baselines.length ? 'cannot be told' : verdictOfAll(known.map(({ estimate }) => estimate));
  // The strongest baseline need not be the one that seeds differ most against.
  const unshown = known.filter((one) => verdictOf(effect) === 'holds' && one.verdict !== 'holds');
  return {
    id: 'localises',
    title: 'The learned reward finds the first wrong step',
    rule: CLAIM_RULES.localises,
    verdict,
    effect,
    sentence: [
      effectSentence(
        effect,
        'The critic finds the first wrong step in',
        'traces of a hundred than the strongest baseline',
      ),
      ...unshown.map((one) => `${one.name.replace(/^minus/, 'Against')}: ${one.verdict}.`),
    ].join(' '),
    caveats: [
      ...failureCaveat(tool, JUDGING_ARM),
      ...(proofReading === null
        ? []
        : [
            `Against the base model’s own proof-reading, with no critic, it stands ${pointsText(proofReading)} points.`,
          ]),
      'The threshold is set on dev problems whose first wrong lines are known, which takes labels; the largest drop and the lowest line take none and are in the tables.',
      'Natural errors are confident, planted ones surprising: log-probability is made for the second. Both are in the tables.',
    ],
    further: [
      ...known,
      ...LOCALISING_ARMS.filter((arm) => arm !== JUDGING_ARM).map((arm) =>
        judged(
          `${signalLabel(`critic ${arm}`)} minus log-probability drop`,
          overBaseline(tool, 'natural', `critic ${arm}`, 'log-probability drop'),
        ),
      ),
      judged(
        'planted errors, minus log-probability drop',
        overBaseline(tool, 'planted', critic, 'log-probability drop'),
      ),
      judged('minus the base’s own proof-reading', proofReading),
    ].filter(isThere),
  };
}

/** What needs no critic, by name: the signal and the rule that name a line. Chance is known without one. */
const BASELINES = {
  chance: null,
  'always the first line': { signal: 'always-first', rule: 'always-first' },
  'log-probability drop': { signal: 'log-probability', rule: 'drop' },
  'log-probability, lowest line': { signal: 'log-probability', rule: 'lowest' },
} as const satisfies Record<string, Pick<LocaliseMeasure, 'signal' | 'rule'> | null>;
type BaselineName = keyof typeof BASELINES;

/** A critic's hits less those of a baseline on the same traces. */
function overBaseline(
  measures: readonly SeedMeasures[],
  kind: LocaliseMeasure['kind'],
  critic: string,
  name: BaselineName,
): StudyEstimate | null {
  return countDifference(
    measures.flatMap((one): ComparedShares[] => {
      const ours = localiserOf(one, kind, critic, LOCALISING_RULE);
      if (ours === undefined) return [];
      const baseline = BASELINES[name];
      if (baseline === null) return [{ seed: one.seed, ours, theirs: { share: ours.chance, n: null } }];
      const theirs = localiserOf(one, kind, baseline.signal, baseline.rule);
      return theirs === undefined ? [] : [{ seed: one.seed, ours, theirs }];
    }),
  );
}

/** Against the base's own proof-reading by its best rule of each seed, which can only make it stronger. */
function overProofReading(measures: readonly SeedMeasures[], critic: string): StudyEstimate | null {
  return countDifference(
    measures.flatMap((one) => {
      const ours = localiserOf(one, 'natural', critic, LOCALISING_RULE);
      const all = one.localise.filter(({ kind, signal }) => kind === 'natural' && signal === 'proof-reading');
      const theirs: Share | undefined = [...all].sort((a, b) => b.hits / b.n - a.hits / a.n)[0];
      return ours === undefined || theirs === undefined ? [] : [{ seed: one.seed, ours, theirs }];
    }),
  );
}

function judged(name: string, estimate: StudyEstimate | null): JudgedEffect {
  return { name, estimate, verdict: verdictOf(estimate) };
}

function isThere({ estimate }: JudgedEffect): boolean {
  return estimate !== null;
}

/** "x solves 11.2 more problems in a hundred than y", no stronger than its interval. */
function effectSentence(effect: StudyEstimate | null, subject: string, object: string): string {
  if (effect === null) return 'It was not measured.';
  const size = `${Math.abs(100 * effect.value).toFixed(1)} ${effect.value < 0 ? 'fewer' : 'more'}`;
  const sentence = `${subject} ${size} ${object}`;
  if (effect.over === 'seeds') {
    const seeds = `on the mean of ${effect.seeds} seeds`;
    if (verdictOf(effect) === 'cannot be told') return `${sentence} ${seeds}, which they cannot tell from none.`;
    return `${sentence} ${seeds}.`;
  }
  return `${sentence} on this one seed; a single training run cannot tell what another would do.`;
}
