/** A trace of a problem as a measuring part keeps it: one line of JSON. */
export interface TraceLine {
  /** Which of the problems. */
  readonly p: number;
  /** Which of the problem's traces. */
  readonly g: number;
  /** Ids of the completion. */
  readonly ids: readonly number[];
  /** The first wrong unit (`unitEnds`): a line, or the number of rules for what stands behind the lines; null: all right. */
  readonly error: number | null;
  /** Whether the answer is right. */
  readonly correct: boolean;
  readonly answer: string | null;
}

/** A policy's sample of a problem. */
export interface SampleLine extends TraceLine {
  /** Log-probability under the policy as it sampled, nats, summed over the tokens that it wrote itself. */
  readonly logp: number;
  /** Tokens that the policy wrote itself. */
  readonly own: number;
  /** Mean log-probability of each unit's tokens; one that a tool wrote counts as the token before it. */
  readonly logps: readonly number[];
  /** Lines with result = value although rule(guess) is another digit. */
  readonly fudged: number;
  /** Whether it follows the grammar to the last token, with one line a rule. */
  readonly wellFormed: boolean;
}

/** What a scorer says about a trace. */
export interface ScoreLine {
  readonly p: number;
  readonly g: number;
  /** Of the trace as a whole, higher for a better one. */
  readonly reward: number;
  /** Of each unit; a scorer may have nothing to say about the last one. */
  readonly units: readonly number[];
}

/** A file of JSON lines. */
export function linesText(lines: readonly object[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

/** A number with as many digits as a float32 has. */
export function rounded(value: number): number {
  return Number(value.toPrecision(8));
}

/** In the folder of a part: samples of a policy. */
export const SAMPLES_FILE = 'samples.jsonl';
/** Or other traces. */
export const TRACES_FILE = 'traces.jsonl';

/** Bytes of an average line. */
export const LINE_BYTES = 270;
