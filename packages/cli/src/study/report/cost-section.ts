import type { ReportSection } from '@dawngrad/eval';
import { left, right } from './columns.ts';
import type { KindCost, StudyCost } from './study-cost.ts';

/** What the study took, by kind of part. */
export function costSection(cost: StudyCost): ReportSection {
  const row = (name: string, one: Omit<KindCost, 'kind'>): string[] => [
    name,
    String(one.parts),
    powerText(one.flops),
    (one.tokens / 1e6).toFixed(1),
    minutesText(one.seconds),
    minutesText(one.seconds / Math.max(1, one.parts)),
  ];
  const seeds = Math.max(1, cost.seeds);
  return {
    title: 'Cost',
    paragraphs: [
      `A seed took ${powerText(cost.total.flops / seeds)} FLOPs, ${(cost.total.tokens / seeds / 1e6).toFixed(1)} million tokens and ${minutesText(cost.total.seconds / seeds)} minutes on average, the longest ${minutesText(cost.secondsOfLongestSeed)} minutes, all settings together.`,
      `Adapter: ${cost.adapters.join('; ')}. Driver: ${cost.drivers.join('; ')}. Commit: ${cost.commits.join(', ')} (a plus: with local changes).`,
      'FLOPs are 2 x weights x tokens forward and 6 x in training, without attention scores, from the tokens of average problems. Tokens are those that pass through a model, each as often as it does.',
    ],
    tables: [
      {
        caption: 'Cost by kind of part',
        table: {
          columns: [
            left('kind'),
            right('parts'),
            right('FLOPs'),
            right('million tokens'),
            right('minutes'),
            right('minutes a part'),
          ],
          rows: [...cost.kinds.map((one) => row(one.kind, one)), row('all', cost.total)],
        },
      },
    ],
  };
}

/** "8.80e12", a number that engineers read; 0 for none. */
function powerText(value: number): string {
  return value === 0 ? '0' : value.toExponential(2).replace('e+', 'e');
}

function minutesText(seconds: number): string {
  return (seconds / 60).toFixed(1);
}
