import { auroc } from '../critic/critic-metrics.ts';

/** What a critic could tell the classes by without reading the reasoning (D11), as numbers of a text. */
const PROBES = {
  characters: (text: string) => text.length,
  lines: (text: string) => count(text, '\n'),
  tags: (text: string) => ['<think>', '</think>', '<answer>', '</answer>'].filter((tag) => text.includes(tag)).length,
  markdown: (text: string) => count(text, '**') + count(text, '\n#') + count(text, '\n- ') + count(text, '`'),
  'white space at the ends': (text: string) => text.length - text.trim().length,
  'blank lines': (text: string) => count(text, '\n\n'),
  'share of digits': (text: string) => (text.match(/\d/g)?.length ?? 0) / Math.max(1, text.length),
} as const satisfies Record<string, (text: string) => number>;

export type LeakageProbe = keyof typeof PROBES;

/**
 * How well each surface feature alone tells one class of texts from the other, as the area under the ROC
 * curve, folded so that 0.5 says nothing and 1 says all. A critic whose accuracy is no better than these
 * has learned the form of the texts. Undefined where a class is empty.
 */
export function probeLeakage(
  positives: readonly string[],
  negatives: readonly string[],
): Readonly<Record<LeakageProbe, number | undefined>> {
  const texts = [...positives, ...negatives];
  const labels = texts.map((_, i) => i < positives.length);
  const measured = Object.entries(PROBES).map(([name, probe]) => {
    const area = auroc(texts.map(probe), labels);
    return [name, area === undefined ? undefined : Math.max(area, 1 - area)] as const;
  });
  return Object.fromEntries(measured) as Record<LeakageProbe, number | undefined>;
}

function count(text: string, part: string): number {
  let found = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) found++;
  return found;
}
