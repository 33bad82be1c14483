import type { ReportSection } from '@dawngrad/eval';
import type { SeedMeasures } from '../seed-measures.ts';
import type { StudySettings } from '../study-settings.ts';
import { claimSections, hackingSection, targetsSection } from './claim-sections.ts';
import { type Claim, studyClaims } from './claims.ts';
import { costSection } from './cost-section.ts';
import { countText } from './format-study.ts';
import { type HackingReport, rewardHacking } from './reward-hacking.ts';
import { type SettingResults, settingResults } from './setting-results.ts';
import { settingSections } from './setting-sections.ts';
import { settingLabel } from './setting-words.ts';
import { type CostRecord, type StudyCost, studyCost } from './study-cost.ts';
import { policyLabel } from './study-names.ts';
import { studyTargets, type Target } from './targets.ts';

/** What a study's report is made of. */
interface StudyReportInput {
  /** Of each seed in each setting that is measured, in any order. */
  readonly measures: readonly SeedMeasures[];
  readonly settings: StudySettings;
  /** Records of the finished parts, each once. */
  readonly parts: readonly CostRecord[];
  /** What makes the study again. */
  readonly command: string;
}

/** A study's results: the content of study.json. Shares are of 1. */
export interface StudyReport {
  readonly schema: 1;
  readonly title: string;
  readonly command: string;
  readonly settings: StudySettings;
  /** Whether every seed is measured in every setting; arms whose training failed are not missing. */
  readonly isWhole: boolean;
  readonly claims: readonly Claim[];
  readonly targets: readonly Target[];
  /** Null without a policy of R-AIRL in setting O. */
  readonly hacking: HackingReport | null;
  /** Setting T first. */
  readonly results: readonly SettingResults[];
  readonly cost: StudyCost;
  /** Remarks, a sentence each. */
  readonly notes: readonly string[];
}

/** All that a study found: a pure function of its measures. */
export function studyReport({ measures, settings, parts, command }: StudyReportInput): StudyReport {
  const of = (setting: SeedMeasures['setting']): SeedMeasures[] =>
    measures.filter((one) => one.setting === setting).sort((a, b) => a.seed - b.seed);
  const [tool, open] = [of('tool'), of('open')];
  const found = { tool: tool.length, open: open.length };
  const isWhole = settings.settings.every((setting) => found[setting] >= settings.seeds.length);
  return {
    schema: 1,
    title: 'dawngrad study: the three claims of R-AIRL on inverse-rule chains',
    command,
    settings,
    isWhole,
    claims: studyClaims(tool, open),
    targets: studyTargets(tool, settings.seeds.length),
    hacking: rewardHacking(open),
    results: [tool, open].filter((some) => some.length > 0).map(settingResults),
    cost: studyCost(parts),
    notes: notesOf(settings, isWhole, tool, open),
  };
}

/** Every section of the report, for the page and for Markdown alike. */
export function studySections({ claims, targets, hacking, results, cost }: StudyReport): ReportSection[] {
  return [
    ...claimSections(claims),
    targetsSection(targets),
    ...(hacking === null ? [] : [hackingSection(hacking)]),
    ...results.flatMap(settingSections),
    costSection(cost),
  ];
}

/** What was found in a few lines: the claims, reward hacking where there is any, and the targets. */
export function studyHeadlines(report: StudyReport): string[] {
  const { hacking, targets } = report;
  return [
    ...claimLines(report),
    ...(hacking?.status === 'reward hacking' ? [`Setting O: ${hacking.sentence}`] : []),
    ...targets.map(({ title, status, found }) => `${title}: ${status}. ${found}`),
  ];
}

/** The claims in a sentence or two each. */
export function claimLines({ claims }: Pick<StudyReport, 'claims'>): string[] {
  return claims.map(({ title, verdict, sentence }) => `${title}: ${verdict}. ${sentence}`);
}

function notesOf(
  settings: StudySettings,
  isWhole: boolean,
  tool: readonly SeedMeasures[],
  open: readonly SeedMeasures[],
): string[] {
  const { size, seeds } = settings;
  const found = { tool: tool.length, open: open.length };
  const measured = tool.length > 0 ? tool : open;
  const problems = measured[0]?.isCovered.length ?? 0;
  const failed = [...tool, ...open].flatMap(({ seed, setting, failed = [] }) =>
    failed.map(({ arm, message }) => `${policyLabel(arm)}, seed ${seed}, ${settingLabel(setting)} (${message})`),
  );
  return [
    ...(size === 'tiny' ? ['The sizes are those of a test of the program: no number here means anything.'] : []),
    ...(isWhole
      ? []
      : [
          `Measured by now: ${settings.settings.map((one) => `${found[one]} of ${countText(seeds.length, 'seed')} in ${settingLabel(one)}`).join(', ')}. A seed counts once all of its parts are done, but for those of an arm whose training failed.`,
        ]),
    ...(failed.length === 0
      ? []
      : [`Trainings that failed, so that all numbers of the arm are of the other seeds: ${failed.join('; ')}.`]),
    ...(measured.length < 2
      ? [
          'One seed: nothing can be told across seeds. Intervals cover the choice of problems, not the luck of a training run, which moves SFT alone by up to 5 points.',
        ]
      : [
          `Intervals are Student’s t over ${measured.length} seeds, each with a world, a base model, demonstrations and ${problems} test problems of its own. The bootstrap beside the claims draws seeds and problems.`,
        ]),
    'R-AIRL is verifier-free, but for the variant that is relabelled by answer agreement: no answer checker takes part in its reward, its labels or the choice of its checkpoint. Test problems choose nothing.',
    'One effect decides each claim. The other effects and tables are many, and some of them differ from 0 by chance.',
  ];
}
