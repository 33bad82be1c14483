import type { Replacement, TextEdit } from './text-edit.ts';

/** Words of clinical direction and their opposites. */
const DIRECTIONS = opposites([
  ['increase', 'decrease'],
  ['increases', 'decreases'],
  ['increased', 'decreased'],
  ['increasing', 'decreasing'],
  ['elevated', 'reduced'],
  ['elevation', 'depression'],
  ['high', 'low'],
  ['higher', 'lower'],
  ['positive', 'negative'],
  ['acute', 'chronic'],
  ['agonist', 'antagonist'],
  ['stimulation', 'inhibition'],
  ['stimulates', 'inhibits'],
  ['indicated', 'contraindicated'],
  ['proximal', 'distal'],
  ['lateral', 'medial'],
  ['sympathetic', 'parasympathetic'],
  ['benign', 'malignant'],
]);

const DEMOGRAPHICS = opposites([
  ['child', 'adult'],
  ['children', 'adults'],
  ['pediatric', 'geriatric'],
  ['elderly', 'young'],
  ['woman', 'man'],
  ['women', 'men'],
  ['female', 'male'],
  ['boy', 'girl'],
]);

function opposites(pairs: readonly (readonly [string, string])[]): ReadonlyMap<string, string> {
  return new Map(pairs.flatMap(([a, b]) => [[a, b] as const, [b, a] as const]));
}

/** One word of direction turned around: "increased" for "decreased", "hypo-" for "hyper-" at a word's start. */
export const flipDirection: TextEdit = {
  region: 'reasoning',
  edit({ reasoning }, draws) {
    const places = [...reasoning.matchAll(/[A-Za-z]+/g)].flatMap(({ 0: word, index }): Replacement[] => {
      const lower = word.toLowerCase();
      const other = DIRECTIONS.get(lower);
      if (other !== undefined) return [{ start: index, end: index + word.length, text: inCaseOf(word, other) }];
      const prefix = lower.startsWith('hyper') ? 'hyper' : lower.startsWith('hypo') ? 'hypo' : undefined;
      // "Hypotheses" and "hypochondriac" have no counterpart.
      if (prefix === undefined || word.length < prefix.length + 3 || /^hypo(?:th[ei]|chond)/.test(lower)) return [];
      const text = inCaseOf(word.slice(0, prefix.length), prefix === 'hyper' ? 'hypo' : 'hyper');
      return [{ start: index, end: index + prefix.length, text }];
    });
    return places.length === 0 ? [] : [draws.pick(places)];
  },
};

const CAUSES = [' -> ', ' → ', ' leads to ', ' causes '];

/** Cause and effect of one line changed places: "A -> B" becomes "B -> A"; bullets and full stops stay. */
export const reverseCausality: TextEdit = {
  region: 'reasoning',
  edit({ reasoning }, draws) {
    let start = 0;
    const places = reasoning.split('\n').flatMap((line): Replacement[] => {
      const from = start;
      start += line.length + 1;
      const cause = CAUSES.find((arrow) => line.includes(arrow));
      if (cause === undefined) return [];
      const lead = /^\s*(?:[-*•]|\d+[.)])?\s*/.exec(line)?.[0].length ?? 0;
      const tail = /[.;,]?\s*$/.exec(line)?.index ?? line.length;
      const at = line.indexOf(cause, lead);
      const [before, after] = [line.slice(lead, at), line.slice(at + cause.length, tail)];
      if (at < lead || before.trim() === '' || after.trim() === '' || before === after) return [];
      return [{ start: from + lead, end: from + tail, text: `${after}${cause}${before}` }];
    });
    return places.length === 0 ? [] : [draws.pick(places)];
  },
};

/** One word for a patient's age or sex exchanged wherever it stands, so that the trace stays consistent. */
export const changeDemographics: TextEdit = {
  region: 'reasoning',
  edit({ reasoning }, draws) {
    const found = [...reasoning.matchAll(/[A-Za-z]+/g)].filter(({ 0: word }) => DEMOGRAPHICS.has(word.toLowerCase()));
    const kinds = [...new Set(found.map(({ 0: word }) => word.toLowerCase()))];
    if (kinds.length === 0) return [];
    const kind = draws.pick(kinds);
    return found
      .filter(({ 0: word }) => word.toLowerCase() === kind)
      .map(({ 0: word, index }) => ({
        start: index,
        end: index + word.length,
        text: inCaseOf(word, DEMOGRAPHICS.get(kind) as string),
      }));
  },
};

/** One recommendation negated: "should be given" becomes "should not be given", and the other way round. */
export const negateRecommendation: TextEdit = {
  region: 'reasoning',
  edit({ reasoning }, draws) {
    const found = [...reasoning.matchAll(/\b(?:should|must|is advised|are advised|is recommended)( not)?\b/gi)];
    if (found.length === 0) return [];
    const { 0: words, 1: negation, index } = draws.pick(found);
    const end = index + words.length;
    return negation === undefined
      ? [{ start: end, end, text: ' not' }]
      : [{ start: end - negation.length, end, text: '' }];
  },
};

/** The word with the capitals of another: all, the first, or none. */
function inCaseOf(model: string, word: string): string {
  if (model.length > 1 && model === model.toUpperCase()) return word.toUpperCase();
  return model[0] === model[0]?.toUpperCase() ? word[0]?.toUpperCase() + word.slice(1) : word;
}
