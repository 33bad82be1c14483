import type { ReportSection, Table } from '@dawngrad/eval';
import type { LongerMeasure } from '../seed-measures.ts';
import { COLLAPSE_RULE } from './collapse.ts';
import { left, right } from './columns.ts';
import { numberText, percentText, pointsText } from './format-study.ts';
import { localiseSection, rerankSection } from './judging-sections.ts';
import type { PolicyResult, SettingResults } from './setting-results.ts';
import { atSeed, intervalNote, settingLabel } from './setting-words.ts';
import { policyLabel, signalLabel } from './study-names.ts';
import { passPlot } from './study-plots.ts';

/** The tables of a setting, a section a subject; subjects without a number are left out. */
export function settingSections(results: SettingResults): ReportSection[] {
  return [
    passSection(results),
    rerankSection(results),
    localiseSection(results),
    variantSection(results),
    longerSection(results),
    trainingSection(results),
  ].filter(({ tables }) => tables.length > 0);
}

function passSection(results: SettingResults): ReportSection {
  const { policies, seeds, setting, coverage } = results;
  const temperatures = [...new Set(policies.flatMap(({ passAt1 }) => passAt1.map(({ temperature }) => temperature)))];
  const plot = passPlot(results);
  return {
    title: `Training, ${settingLabel(setting)}`,
    paragraphs: [
      setting === 'tool'
        ? 'Setting T: the tool writes the result of each look-up. Test problems chose nothing: SFT is its best checkpoint on dev problems, GRPO and R-AIRL are their last.'
        : 'Setting O: the policy writes the result of each look-up itself, so that it can write one that is not so.',
      intervalNote(results),
      ...(coverage === null
        ? []
        : [
            `The demonstrations show ${percentText(coverage)} % of the facts. “Covered” are problems all of whose facts they show.`,
          ]),
    ],
    plots:
      plot === null
        ? []
        : [
            {
              caption: `pass@1 at temperature 1 in per cent, ${settingLabel(setting)}. ${intervalNote(results)}`,
              plot,
            },
          ],
    tables: [
      {
        caption: 'pass@1 in per cent',
        table: {
          columns: [
            left('method'),
            ...temperatures.flatMap((t) => [right(`T = ${t}`), right('minus SFT')]),
            right('minus GRPO, T = 1'),
            right('well-formed %'),
          ],
          rows: policies.map((policy) => [
            policyLabel(policy.name),
            ...temperatures.flatMap((t) => [
              percentText(pass(policy, t)?.estimate ?? null, seeds.length),
              policy.name === 'sft' ? '' : pointsText(pass(policy, t)?.minusSft ?? null, seeds.length),
            ]),
            policy.name === 'grpo' ? '' : pointsText(pass(policy, 1)?.minusGrpo ?? null, seeds.length),
            percentText(policy.wellFormed),
          ]),
        },
      },
      {
        caption: 'pass@1 at temperature 1 in per cent, by what the demonstrations cover',
        table: {
          columns: [left('method'), right('covered'), right('minus SFT'), right('not covered'), right('minus SFT')],
          rows: policies.map((policy) => [
            policyLabel(policy.name),
            ...(['covered', 'not covered'] as const).flatMap((set) => {
              const found = pass(policy, 1, set);
              return [
                percentText(found?.estimate ?? null, seeds.length),
                policy.name === 'sft' ? '' : pointsText(found?.minusSft ?? null, seeds.length),
              ];
            }),
          ]),
        },
      },
      {
        caption: 'pass@1 at temperature 1 (and 0.5) in per cent, by seed',
        table: {
          columns: [left('method'), ...seeds.map((seed) => right(`seed ${seed}`))],
          rows: policies.map((policy) => [
            policyLabel(policy.name),
            ...seeds.map((seed) => {
              const [main, cool] = [1, 0.5].map((t) => atSeed(pass(policy, t)?.estimate ?? null, seed));
              return `${main}${cool === '' ? '' : ` (${cool})`}`;
            }),
          ]),
        },
      },
      ...(setting === 'open'
        ? [
            {
              caption: 'Checks that are not so, temperature 1',
              table: {
                columns: [
                  left('method'),
                  right('fudged lines a sample'),
                  right('samples with one %'),
                  right('answer and every line right %'),
                ],
                rows: policies.map(({ name, fudgedPerSample, withFudged, fullyRight }) => [
                  policyLabel(name),
                  numberText(fudgedPerSample, seeds.length),
                  percentText(withFudged, seeds.length),
                  percentText(fullyRight, seeds.length),
                ]),
              },
            },
          ]
        : []),
    ],
  };
}

function variantSection({ variants, seeds, setting }: SettingResults): ReportSection {
  return {
    title: `Variants, ${settingLabel(setting)}`,
    paragraphs: [
      'Other credit levels, relabelling, the critic as first published and plugins, each beside the arm that it differs from by this alone.',
    ],
    tables:
      variants.length === 0
        ? []
        : [
            {
              caption: 'pass@1 at temperature 1 in per cent',
              table: {
                columns: [left('variant'), left('of'), right('pass@1'), right('minus the other'), right('minus SFT')],
                rows: variants.map(({ name, of, passAt1, minusPlain, minusSft }) => [
                  policyLabel(name),
                  policyLabel(of),
                  percentText(passAt1, seeds.length),
                  pointsText(minusPlain, seeds.length),
                  pointsText(minusSft, seeds.length),
                ]),
              },
            },
          ],
  };
}

const LONGER_KINDS = {
  'pass@1': { caption: 'pass@1 in per cent', head: 'method' },
  'well-formed': {
    caption: 'Samples that follow the grammar to the end, with a line a rule, in per cent',
    head: 'method',
  },
  rerank: { caption: 'Written traces: right in per cent by the way to choose', head: 'chosen by' },
  auroc: { caption: 'Written traces: AUROC in per cent', head: 'score' },
  'first error': {
    caption: 'Wrong written traces: first wrong line found by the largest drop of a signal, per cent',
    head: 'signal',
  },
} as const satisfies Record<LongerMeasure['kind'], { readonly caption: string; readonly head: string }>;

function longerSection({ longer, seeds, setting }: SettingResults): ReportSection {
  const steps = [...new Set(longer.map((one) => one.steps))].sort((a, b) => a - b);
  const shown = longer.filter(({ kind, name }) => kind !== 'first error' || longerSignal(name) !== null);
  const kinds = (Object.keys(LONGER_KINDS) as LongerMeasure['kind'][]).filter((kind) =>
    shown.some((one) => one.kind === kind),
  );
  return {
    title: `Longer chains, ${settingLabel(setting)}`,
    paragraphs: [
      'Problems with more rules than any in training. What policies write of them, and what scorers make of traces by the writer that the base model learned to imitate, right and wrong ones.',
    ],
    tables: kinds.map((kind) => {
      const own = shown.filter((one) => one.kind === kind);
      const { caption, head } = LONGER_KINDS[kind];
      const labelOf = kind === 'pass@1' || kind === 'well-formed' ? policyLabel : longerLabel;
      const table: Table = {
        columns: [left(head), ...steps.map((n) => right(`${n} rules`))],
        rows: [...new Set(own.map(({ name }) => name))].map((name) => [
          labelOf(name),
          ...steps.map((n) =>
            percentText(own.find((one) => one.name === name && one.steps === n)?.estimate ?? null, seeds.length),
          ),
        ]),
      };
      return { caption, table };
    }),
  };
}

/** The signal of a localiser that names a line by its largest drop, or the one that always names the first; else null. */
function longerSignal(localiser: string): string | null {
  if (localiser === 'always-first') return localiser;
  return localiser.endsWith(DROP) ? localiser.slice(0, -DROP.length) : null;
}

const DROP = ', drop';

function longerLabel(name: string): string {
  return signalLabel(longerSignal(name) ?? name);
}

function trainingSection(results: SettingResults): ReportSection {
  const { training, setting } = results;
  return {
    title: `Stability, ${settingLabel(setting)}`,
    paragraphs: [
      'First and last: means over the first and the last tenth of the rounds, on training problems.',
      `${collapseText(results)} ${COLLAPSE_RULE}`,
    ],
    tables:
      training.length === 0
        ? []
        : [
            {
              caption: 'Training',
              table: {
                columns: [
                  left('method'),
                  right('rounds or steps'),
                  right('right at last %'),
                  right('at best %'),
                  right('reward at first'),
                  right('reward at last'),
                  right('KL to the base at last, nats'),
                ],
                rows: training.map((one) => [
                  policyLabel(one.arm),
                  String(one.rounds),
                  percentText(one.lastAccuracy),
                  percentText(one.bestAccuracy),
                  numberText(one.firstReward),
                  numberText(one.lastReward),
                  numberText(one.lastKl, 0, 3),
                ]),
              },
            },
          ],
  };
}

function collapseText({ collapses }: SettingResults): string {
  if (collapses.length === 0) return 'No policy of R-AIRL collapsed.';
  return `Collapsed: ${collapses.map(({ policy, seed, reasons }) => `${policyLabel(policy)} on seed ${seed} (${reasons.join('; ')})`).join('; ')}.`;
}

function pass(
  { passAt1 }: PolicyResult,
  temperature: number,
  problems: PolicyResult['passAt1'][number]['problems'] = 'all',
): PolicyResult['passAt1'][number] | undefined {
  return passAt1.find((one) => one.temperature === temperature && one.problems === problems);
}
