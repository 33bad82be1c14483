import type { ReportSection } from '@dawngrad/eval';
import { left, right } from './columns.ts';
import { countText, percentText, pointsText } from './format-study.ts';
import type { LocaliseResult, SettingResults } from './setting-results.ts';
import { atSeed, intervalNote, settingLabel } from './setting-words.ts';
import type { StudyEstimate } from './study-estimate.ts';
import { policyLabel, signalLabel } from './study-names.ts';
import { rerankPlot } from './study-plots.ts';

type Captioned = ReportSection['tables'][number];

/** Best of N and AUROC. */
export function rerankSection(results: SettingResults): ReportSection {
  const { rerank, auroc, seeds, setting } = results;
  const policies = [...new Set(rerank.map(({ policy }) => policy))];
  const judged = [...new Set(auroc.map(({ policy }) => policy))];
  const plot = rerankPlot(results);
  return {
    title: `Best of N, ${settingLabel(setting)}`,
    paragraphs: [
      `Exact expectations over the choice of N among the samples drawn at temperature 1; ties count as their mean. ${intervalNote(results)}`,
    ],
    plots:
      plot === null
        ? []
        : [
            {
              caption: `Best of N of SFT’s samples in per cent, by the way to choose, ${settingLabel(setting)}.`,
              plot,
            },
          ],
    tables: [
      ...policies.map((policy) => rerankTable(results, policy)),
      ...(auroc.length === 0
        ? []
        : [
            {
              caption: 'AUROC in per cent: how a score tells right samples from wrong ones',
              table: {
                columns: [left('score'), ...judged.map((policy) => right(`${policyLabel(policy)} samples`))],
                rows: [...new Set(auroc.map(({ scorer }) => scorer))].map((scorer) => [
                  signalLabel(scorer),
                  ...judged.map((policy) => {
                    const found = auroc.find((one) => one.scorer === scorer && one.policy === policy);
                    return found === undefined ? '' : percentText(found.estimate, seeds.length);
                  }),
                ]),
              },
            },
          ]),
    ],
  };
}

function rerankTable({ rerank, seeds }: SettingResults, policy: string): Captioned {
  const own = rerank.filter((one) => one.policy === policy);
  const sizes = [...new Set(own.map(({ n }) => n))].sort((a, b) => a - b);
  const most = sizes.at(-1)!;
  const points = (estimate: StudyEstimate | null): string =>
    estimate === null ? '' : pointsText(estimate, seeds.length);
  return {
    caption: `${policyLabel(policy)} samples: right in per cent; differences of best of ${most}`,
    table: {
      columns: [
        left('chosen by'),
        ...sizes.map((n) => right(`best of ${n}`)),
        right('minus mean'),
        right('minus majority'),
        right('minus proof-reading'),
      ],
      rows: [...new Set(own.map(({ selector }) => selector))].map((selector) => {
        const row = own.find((one) => one.selector === selector && one.n === most);
        return [
          signalLabel(selector),
          ...sizes.map((n) =>
            percentText(own.find((one) => one.selector === selector && one.n === n)?.estimate ?? null, seeds.length),
          ),
          points(row?.minusMean ?? null),
          points(row?.minusMajority ?? null),
          points(row?.minusProofReading ?? null),
        ];
      }),
    },
  };
}

const RULE_LABELS: Readonly<Record<LocaliseResult['rule'], string>> = {
  'always-first': 'first line',
  drop: 'largest drop',
  lowest: 'lowest line',
  threshold: 'first below a threshold',
};

/** Where critics and other signals see the first error. */
export function localiseSection(results: SettingResults): ReportSection {
  const { localise, seeds, setting } = results;
  const kinds = (['natural', 'planted'] as const).filter((kind) => localise.some((one) => one.kind === kind));
  return {
    title: `First wrong step, ${settingLabel(setting)}`,
    paragraphs: [
      'Share of traces in which the line that is named is the first wrong one. Natural errors: wrong samples of SFT. Planted: expert traces of test problems with one number changed. Chance: a line drawn from each trace’s own. Candidates are the lines and what stands behind them. Thresholds were set on wrong SFT samples of dev problems; that of proof-reading is even odds.',
      intervalNote(results),
    ],
    tables: kinds.map((kind) => {
      const own = localise.filter((one) => one.kind === kind);
      const chance = own[0]!.chance;
      return {
        caption: `${kind === 'natural' ? 'Natural' : 'Planted'} errors, ${countText(own[0]!.estimate?.n ?? 0, 'trace')}: first wrong line found, per cent`,
        table: {
          columns: [
            left('signal'),
            left('line named'),
            right('found'),
            right('minus chance'),
            ...seeds.map((seed) => right(`seed ${seed}`)),
          ],
          rows: [
            ['chance', 'any line', percentText(chance), '', ...seeds.map((seed) => atSeed(chance, seed))],
            ...own.map(({ signal, rule, estimate, minusChance }) => [
              signalLabel(signal),
              RULE_LABELS[rule],
              percentText(estimate, seeds.length),
              pointsText(minusChance),
              ...seeds.map((seed) => atSeed(estimate, seed)),
            ]),
          ],
        },
      };
    }),
  };
}
