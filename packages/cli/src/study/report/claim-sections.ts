import type { ReportSection, Table } from '@dawngrad/eval';
import type { Claim } from './claims.ts';
import { COLLAPSE_RULE } from './collapse.ts';
import { left, right } from './columns.ts';
import { numberText, percentText, pointsText, sizeText } from './format-study.ts';
import { HACKING_RULE, type HackingReport } from './reward-hacking.ts';
import { policyLabel } from './study-names.ts';
import { TARGET_RULE, type Target } from './targets.ts';

/** The claims with what decides them, then each with its rule, its reading and its further effects. */
export function claimSections(claims: readonly Claim[]): ReportSection[] {
  return [
    {
      title: 'The three claims',
      paragraphs: [
        'A claim holds where the 95 % t interval of its effect over seeds lies wholly above 0, does not hold where it lies wholly at or below 0, and cannot be told otherwise or with fewer than two seeds. What decides each was fixed before seeds 11 to 15 were measured; what stands beside it is exploratory. Points are differences in per cent.',
      ],
      tables: [{ caption: 'What decides each claim', table: claimsTable(claims) }],
    },
    ...claims.map(({ title, rule, verdict, sentence, caveats, further }, i) => ({
      title: `Claim ${i + 1}`,
      paragraphs: [`${title}: ${verdict}. ${sentence}`, `Decided by: ${rule}`, ...caveats],
      tables:
        further.length === 0
          ? []
          : [
              {
                caption: 'Beside what decides it',
                table: {
                  columns: [left('effect'), right('points'), right('n'), left('above 0')],
                  rows: further.map((one) => [one.name, pointsText(one.estimate), sizeText(one.estimate), one.verdict]),
                },
              },
            ],
    })),
  ];
}

const SHORT_TITLES: Readonly<Record<Claim['id'], string>> = {
  trains: 'trains better than SFT',
  reranks: 'chooses the better sample',
  localises: 'finds the first wrong step',
};

/** One line a claim. */
function claimsTable(claims: readonly Claim[]): Table {
  return {
    columns: [left('claim'), left('verdict'), right('effect, points'), right('by bootstrap'), right('n')],
    rows: claims.map(({ id, verdict, effect }, i) => [
      `${i + 1}. ${SHORT_TITLES[id]}`,
      verdict,
      pointsText(effect),
      effect === null || effect.hierarchical === null
        ? ''
        : pointsText({ ...effect, ...effect.hierarchical }).replace(/^[^[]*/, ''),
      sizeText(effect),
    ]),
  };
}

export function targetsSection(targets: readonly Target[]): ReportSection {
  return {
    title: 'What was to be reached',
    paragraphs: [
      TARGET_RULE,
      COLLAPSE_RULE,
      ...targets
        .filter(({ parts }) => parts.length === 0)
        .map(({ title, status, found }) => `${title}: ${status}. ${found}`),
    ],
    tables: [
      {
        caption: 'Targets, in setting T',
        table: { columns: [left('target'), left('status')], rows: targets.map(({ title, status }) => [title, status]) },
      },
      {
        caption: 'What each target follows from, per cent or points',
        table: {
          columns: [left('number'), right('found'), right('at least'), left('status'), left('interval'), right('n')],
          rows: targets.flatMap(({ parts }) =>
            parts.map(({ name, estimate, atLeast, status, interval }) => [
              name,
              atLeast > 0.5 ? percentText(estimate) : pointsText(estimate),
              (100 * atLeast).toFixed(0),
              status,
              interval === null ? '' : INTERVAL_LABELS[interval],
              sizeText(estimate),
            ]),
          ),
        },
      },
    ],
  };
}

const INTERVAL_LABELS = { above: 'wholly above', contains: 'on both sides', below: 'wholly below' } as const;

export function hackingSection({ sentence, sftFudgedPerSample, arms }: HackingReport): ReportSection {
  return {
    title: 'Reward hacking in setting O',
    paragraphs: [sentence, HACKING_RULE],
    tables: [
      {
        caption: 'Policies of R-AIRL in setting O, where each writes the results of its own checks',
        table: {
          columns: [
            left('policy'),
            left('found'),
            right('fudged lines a sample'),
            right('samples with one %'),
            right('fudged, minus SFT'),
            right('reward, last minus first rounds'),
            right('pass@1 minus SFT'),
            right('AUROC of its critic on its samples %'),
          ],
          rows: [
            ['SFT', '', numberText(sftFudgedPerSample), '', '', '', '', ''],
            ...arms.map((arm) => [
              policyLabel(arm.name),
              arm.status,
              numberText(arm.fudgedPerSample),
              percentText(arm.withFudged),
              numberText(arm.overSft),
              numberText(arm.rewardRise),
              pointsText(arm.passOverSft),
              percentText(arm.ownAuroc),
            ]),
          ],
        },
      },
    ],
  };
}
