import type { Figure } from './figure.ts';
import type { FigureInput } from './figure-input.ts';
import { bestOfNFigure, passAtKFigure, rewardVsRandomFigure } from './line-charts.ts';

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
} as const satisfies Record<string, FigureKind>;

export type FigureKindName = keyof typeof FIGURE_KINDS;

export const FIGURE_KIND_NAMES = Object.keys(FIGURE_KINDS) as FigureKindName[];
