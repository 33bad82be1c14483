import { CATEGORIES, type ChartSpec, COLUMN_WIDTH, type Figure } from '@dawngrad/eval';
import type { SettingResults } from './setting-results.ts';
import { settingLabel } from './setting-words.ts';
import type { StudyEstimate } from './study-estimate.ts';
import { policyLabel, signalLabel } from './study-names.ts';

/** A figure and the section of the report that it stands in. */
interface StudyFigure {
  readonly figure: Figure;
  readonly section: string;
}

interface Row {
  readonly name: string;
  readonly estimate: StudyEstimate;
}

/** The figures of a setting: pass@1 by method, best of N, the first wrong step. Those without a number are left out. */
export function studyFigures(results: SettingResults): StudyFigure[] {
  const { policies, rerank, localise, setting, seeds } = results;
  const label = settingLabel(setting);
  const suffix = setting === 'tool' ? 't' : 'o';
  const pass = policies.flatMap(({ name, passAt1 }) =>
    rowOf(policyLabel(name), passAt1.find((one) => one.temperature === 1 && one.problems === 'all')?.estimate),
  );
  const own = rerank.filter(({ policy }) => policy === 'sft');
  const most = Math.max(...own.map(({ n }) => n));
  const chosen = own.flatMap(({ n, selector, estimate }) => (n === most ? rowOf(signalLabel(selector), estimate) : []));
  const found = (kind: 'natural' | 'planted'): Row[] => {
    const some = localise.filter((one) => one.kind === kind && (one.rule === 'drop' || one.rule === 'always-first'));
    return [
      ...rowOf('chance', some[0]?.chance),
      ...some.flatMap(({ signal, estimate }) => rowOf(signalLabel(signal), estimate)),
    ];
  };
  const notes = [
    seeds.length > 1
      ? `Means of ${seeds.length} seeds with 95 % t intervals over seeds; a dot is a seed.`
      : `One seed: 95 % intervals over its problems or traces.`,
  ];
  const figure = (name: string, subject: string, section: string, drawn: ChartSpec): StudyFigure => ({
    figure: { name: `${name}-${suffix}`, caption: [subject, ...notes], drawing: { kind: 'chart', spec: drawn } },
    section: `${section}, ${label}`,
  });
  return [
    ...(pass.length === 0
      ? []
      : [figure('pass-at-1', `pass@1 by method, ${label}.`, 'Training', dots(pass, 'pass@1 (%), temperature 1'))]),
    ...(chosen.length === 0
      ? []
      : [
          figure(
            'best-of-n',
            `Best of ${most} SFT samples, by who chooses, ${label}.`,
            'Best of N',
            bars(chosen, 'right (%)'),
          ),
        ]),
    ...(['natural', 'planted'] as const).flatMap((kind) => {
      const rows = found(kind);
      if (rows.length === 0) return [];
      return [
        figure(
          `first-wrong-${kind}`,
          `First wrong step of ${kind} errors, by the largest drop of a signal, ${label}.`,
          'First wrong step',
          bars(rows, 'found (%)'),
        ),
      ];
    }),
  ];
}

function rowOf(name: string, estimate: StudyEstimate | null | undefined): Row[] {
  return estimate === null || estimate === undefined ? [] : [{ name, estimate }];
}

/** A dot with its interval a row, and a small one for each seed. */
function dots(rows: readonly Row[], title: string): ChartSpec {
  const x = (field: string): object => axisOf(field, title, false);
  return chart(rows, x, [
    { mark: { type: 'rule', strokeWidth: 2, color: CATEGORIES[0] }, encoding: { x: x('low'), x2: { field: 'high' } } },
    { mark: { type: 'point', filled: true, size: 55, color: CATEGORIES[0], opacity: 1 }, encoding: { x: x('value') } },
  ]);
}

/** A bar with its interval a row, and a small dot for each seed. */
function bars(rows: readonly Row[], title: string): ChartSpec {
  const x = (field: string): object => axisOf(field, title, true);
  return chart(rows, x, [
    { mark: { type: 'bar', color: CATEGORIES[4], height: { band: 0.7 } }, encoding: { x: x('value') } },
    {
      mark: { type: 'rule', strokeWidth: 1.5, color: CATEGORIES[6] },
      encoding: { x: x('low'), x2: { field: 'high' } },
    },
  ]);
}

function axisOf(field: string, title: string, zero: boolean): object {
  return { field, type: 'quantitative', title, scale: { zero, nice: true } };
}

function chart(rows: readonly Row[], x: (field: string) => object, marks: readonly object[]): ChartSpec {
  const values = rows.map(({ name, estimate: { value, low, high } }) => ({
    name,
    value: 100 * value,
    low: 100 * (low ?? value),
    high: 100 * (high ?? value),
  }));
  const ofSeeds = rows.flatMap(({ name, estimate }) =>
    estimate.seeds < 2 ? [] : estimate.bySeed.map(({ value }) => ({ name, value: 100 * value })),
  );
  const y = {
    field: 'name',
    type: 'nominal',
    title: null,
    sort: rows.map(({ name }) => name),
    axis: { labelLimit: 150, ticks: false, domain: false },
  };
  const seedDots = {
    data: { values: ofSeeds },
    mark: { type: 'point', filled: true, size: 12, color: CATEGORIES[1], opacity: 0.9, yOffset: 5 },
    encoding: { x: x('value') },
  };
  return {
    width: COLUMN_WIDTH - 165,
    height: { step: 17 },
    data: { values },
    encoding: { y },
    layer: [...marks, seedDots],
  } as unknown as ChartSpec;
}
