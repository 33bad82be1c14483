/** What the page's script draws. Written by `renderReport`, read in the browser: both sides take these types. */
export interface PageData {
  /** By the `data-plot` of the element that shows it. */
  readonly plots: Readonly<Record<string, Plot>>;
  readonly stages: readonly PageStage[];
  readonly confusions: readonly Confusion[];
  readonly completions: CompletionIndex;
}

/** A chart. Colours are names of CSS variables, so that one drawing serves the light and the dark page. */
export interface Plot {
  /** Read out in place of the picture. */
  readonly label: string;
  readonly x: PlotAxis;
  readonly y: PlotAxis;
  readonly lines: readonly PlotLine[];
  readonly bars: readonly PlotBars[];
}

export interface PlotAxis {
  readonly title: string;
  readonly isLog?: boolean;
  /** Where to put marks; by default round numbers. */
  readonly ticks?: readonly number[];
  /** What to write at them. */
  readonly tickLabels?: readonly string[];
  readonly low?: number;
  readonly high?: number;
}

export interface PlotLine {
  readonly name: string;
  readonly colour: string;
  readonly dash?: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** Bounds of intervals, one a point. */
  readonly low?: readonly number[];
  readonly high?: readonly number[];
  /** How intervals are drawn; points alone have no line between them. */
  readonly shape: 'line' | 'band' | 'points' | 'reference';
  /** The values as they were, where `y` is their moving average. */
  readonly raw?: readonly number[];
}

/** Columns from x0 to x1, the height y. */
export interface PlotBars {
  readonly name: string;
  readonly colour: string;
  readonly x0: readonly number[];
  readonly x1: readonly number[];
  readonly y: readonly number[];
}

/** Curves that share an axis of steps: one stage of one or more runs. */
export interface PageStage {
  readonly name: string;
  readonly metrics: readonly PageMetric[];
}

export interface PageMetric {
  readonly key: string;
  readonly label: string;
  readonly unit: string;
  /** Whether it is drawn without being asked for. */
  readonly isShown: boolean;
  readonly lines: readonly { readonly run: number; readonly x: readonly number[]; readonly y: readonly number[] }[];
}

/** Rewards of completions by their verdict, ascending. */
export interface Confusion {
  readonly name: string;
  readonly correct: readonly number[];
  readonly wrong: readonly number[];
  readonly threshold: number;
}

export const SIGNALS = ['reward', 'logprob', 'advantage'] as const;
/** What tokens are coloured by. */
export type Signal = (typeof SIGNALS)[number];

/** Values of tokens are stored in `LEVELS` steps from low to high; colours are (value - centre) / reach. */
export interface SignalScale {
  readonly low: number;
  readonly high: number;
  readonly centre: number;
  readonly reach: number;
}

/** Steps in which a token's value is stored: a 4095th of the range. */
export const LEVELS = 4095;
/** Stands for a value that there is not. */
export const NO_VALUE = 0xffff;

export interface CompletionSet {
  readonly name: string;
  /** Completions of this set that the page has no room for. */
  readonly leftOut: number;
  /** Reward from which the critic says "correct"; null without rewards of both verdicts. */
  readonly threshold: number | null;
  /** Why tokens of the set have no colours; null where they have. */
  readonly withoutTokens: string | null;
}

/** One entry a completion in each list. The texts are in blocks, which are read when they are looked at. */
export interface CompletionIndex {
  readonly sets: readonly CompletionSet[];
  readonly signals: Readonly<Record<Signal, SignalScale | null>>;
  readonly runs: readonly string[];
  /** Beginnings of prompts. */
  readonly prompts: readonly string[];
  readonly set: readonly number[];
  readonly prompt: readonly number[];
  /** Number of the sample, or the step of training. */
  readonly place: readonly number[];
  /** 1 correct, 0 wrong, 2 wrong without an answer. */
  readonly verdict: readonly number[];
  readonly reward: readonly (number | null)[];
  readonly tokens: readonly number[];
  /** Token after the largest fall of the reward, and the fall; null where it never falls. */
  readonly dropAt: readonly (number | null)[];
  readonly drop: readonly (number | null)[];
  /** First completion of each block, ascending. */
  readonly blocks: readonly number[];
}

/** The head of a block; after it come planes of bytes, low then high: token lengths, then the signals that it has. */
export interface BlockHead {
  readonly prompts: readonly string[];
  readonly rows: readonly BlockRow[];
}

export interface BlockRow {
  /** Index into the block's prompts. */
  readonly p: number;
  readonly text: string;
  readonly answer: string | null;
  readonly gold: string | null;
  /** Number of tokens with a text of their own; 0 where they are not known. */
  readonly n: number;
  readonly signals: readonly Signal[];
  /** Tokens that the environment wrote. */
  readonly forced?: readonly number[];
  /** Characters of the whole completion, where the page holds its beginning only. */
  readonly of?: number;
}
