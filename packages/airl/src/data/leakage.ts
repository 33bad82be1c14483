import { auroc } from '../critic/critic-metrics.ts';

/** A completion as a probe sees it. */
export interface ProbedTrace {
  readonly text: string;
  /** Completion tokens; absent where they are not known. */
  readonly tokens?: number;
  /** Whether it ended by itself, with an end token, and was not cut; absent where that is not known. */
  readonly isEnded?: boolean;
}

/** What a critic could tell the classes by without reading the reasoning (D10, D11), as numbers of a trace. */
const PROBES = {
  tokens: ({ tokens }) => tokens,
  end: ({ isEnded }) => (isEnded === undefined ? undefined : Number(isEnded)),
  characters: ({ text }) => text.length,
  lines: ({ text }) => count(text, '\n'),
  blank_lines: ({ text }) => count(text, '\n\n'),
  white_space: ({ text }) => share(text, /\s/g),
  edge_space: ({ text }) => text.length - text.trim().length,
  tags: ({ text }) => ['<think>', '</think>', '<answer>', '</answer>'].filter((tag) => text.includes(tag)).length,
  markdown: ({ text }) => count(text, '**') + count(text, '\n#') + count(text, '\n- ') + count(text, '`'),
  digits: ({ text }) => share(text, /\d/g),
} as const satisfies Record<string, (trace: ProbedTrace) => number | undefined>;

export type LeakageProbe = keyof typeof PROBES;

/** Names of the probes. */
export const LEAKAGE_PROBES = Object.keys(PROBES) as readonly LeakageProbe[];

/**
 * How well each surface feature alone tells one class of traces from the other, as the area under the ROC
 * curve, folded so that 0.5 says nothing and 1 says all. A critic whose accuracy is no better than these
 * has learned the form of the texts. Undefined where a class is empty or the feature is not known.
 */
export function probeLeakage(
  positives: readonly ProbedTrace[],
  negatives: readonly ProbedTrace[],
): Readonly<Record<LeakageProbe, number | undefined>> {
  const traces = [...positives, ...negatives];
  const labels = traces.map((_, i) => i < positives.length);
  const measured = LEAKAGE_PROBES.map((name) => {
    const values = traces.map(PROBES[name]).filter((value) => value !== undefined);
    const area = values.length < traces.length ? undefined : auroc(values, labels);
    return [name, area === undefined ? undefined : Math.max(area, 1 - area)] as const;
  });
  return Object.fromEntries(measured) as Record<LeakageProbe, number | undefined>;
}

function count(text: string, part: string): number {
  let found = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) found++;
  return found;
}

function share(text: string, pattern: RegExp): number {
  return (text.match(pattern)?.length ?? 0) / Math.max(1, text.length);
}
