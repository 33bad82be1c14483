import { formatRewardFigure, rewardDistributionFigure } from './distribution-charts.ts';
import type { Figure } from './figure.ts';
import type { FigureInput } from './figure-input.ts';
import { bestOfNFigure, passAtKFigure, rewardVsRandomFigure } from './line-charts.ts';
import { correlationFigure, transferFigure } from './matrix-charts.ts';
import { reliabilityFigure } from './reliability-chart.ts';
import { tokenRewardsFigure } from './token-rewards.ts';
import { traceComparisonFigure } from './trace-comparison.ts';
import { trainingFigure } from './training-chart.ts';
import { transferGraphFigure } from './transfer-graph.ts';

interface FigureKind {
  readonly build: (input: FigureInput) => Figure;
  /** What it is made of. */
  readonly from: 'evaluations' | 'rows' | 'trainings' | 'pairs';
  readonly about: string;
}

/** Every figure of the published study (r-airl.md, section 9). */
export const FIGURE_KINDS = {
  'pass-at-k': { build: passAtKFigure, from: 'evaluations', about: 'pass@k over k, a line a run' },
  'reward-vs-random': {
    build: rewardVsRandomFigure,
    from: 'evaluations',
    about: 'a correct one among the k best by the reward, and among k random ones',
  },
  'best-of-n': { build: bestOfNFigure, from: 'evaluations', about: 'every way to choose one of N, over N' },
  'reward-distribution': {
    build: rewardDistributionFigure,
    from: 'evaluations',
    about: 'rewards of correct and wrong completions, with densities',
  },
  'format-rewards': { build: formatRewardFigure, from: 'rows', about: 'rewards by strict format, with densities' },
  correlation: { build: correlationFigure, from: 'evaluations', about: 'reward, formats, verdict, length: a heat map' },
  reliability: { build: reliabilityFigure, from: 'evaluations', about: 'share correct by predicted probability' },
  transfer: { build: transferFigure, from: 'evaluations', about: 'gain by domain and reward_domain: a heat map' },
  'transfer-graph': { build: transferGraphFigure, from: 'evaluations', about: 'the same as a directed graph' },
  'training-curves': { build: trainingFigure, from: 'trainings', about: 'metrics over steps, bands over seeds' },
  'token-rewards': {
    build: tokenRewardsFigure,
    from: 'rows',
    about: 'a correct and a wrong completion, tokens coloured by reward',
  },
  'trace-comparison': {
    build: ({ pairs, trace }: FigureInput) => traceComparisonFigure(pairs, trace),
    from: 'pairs',
    about: 'a clean trace beside an edited one, a panel a critic',
  },
} as const satisfies Record<string, FigureKind>;

export type FigureKindName = keyof typeof FIGURE_KINDS;

export const FIGURE_KIND_NAMES = Object.keys(FIGURE_KINDS) as FigureKindName[];
