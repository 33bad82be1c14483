import { decodePrompt } from '@dawngrad/airl';
import type { LocaliseMeasure } from '../seed-measures.ts';
import { chanceHits, countHits, fitUnitThreshold, type LocalisedTrace, type LocaliseRule } from './localise.ts';
import type { ScoredSet } from './scored-set.ts';
import { unitEnds } from './trace-units.ts';

const RULES: readonly LocaliseRule[] = ['drop', 'lowest', 'threshold'];

/** Where the base model thinks `ok` as likely as `no`. */
const EVEN_ODDS = 0;

/** Thresholds of each scorer, set on SFT's wrong samples of dev problems; proof-reading needs none. */
export function unitThresholds(dev: ScoredSet): ReadonlyMap<string, number> {
  const wrong = wrongTraces(dev);
  return new Map(
    [...dev.scores.keys()].map((scorer): [string, number] => [
      scorer,
      scorer === 'proof-reading' ? EVEN_ODDS : fitUnitThreshold(localised(dev, scorer, wrong)),
    ]),
  );
}

/** The places of the traces that are wrong somewhere and have a wrong answer, which is how a user would find them. */
export function wrongTraces({ traces }: Pick<ScoredSet, 'traces'>): number[] {
  return traces.flatMap(({ correct, error }, i) => (correct || error === null ? [] : [i]));
}

/**
 * Hit@1 of every localiser on chosen traces of a set, all of which have an error. Candidates are the lines of eight
 * tokens and what stands behind them, so that no localiser is told that the error is not there.
 */
export function localiseMeasures(
  kind: LocaliseMeasure['kind'],
  set: ScoredSet,
  chosen: readonly number[],
  thresholds: ReadonlyMap<string, number>,
): LocaliseMeasure[] {
  if (chosen.length === 0) return [];
  const n = chosen.length;
  const first = chosen.filter((i) => set.traces[i]!.error === 0).length;
  const chance = chanceHits(chosen.map((i) => ({ candidates: candidatesOf(set, i) })));
  return [
    { kind, localiser: 'always-first', signal: 'always-first', rule: 'always-first', hits: first, n, chance },
    ...[...set.scores.keys()].flatMap((signal) => {
      const traces = localised(set, signal, chosen);
      return RULES.map((rule) => ({
        kind,
        localiser: `${signal}, ${rule}`,
        signal,
        rule,
        hits: countHits(rule, traces, thresholds.get(signal) ?? EVEN_ODDS),
        n,
        chance,
      }));
    }),
  ];
}

function localised(set: ScoredSet, scorer: string, chosen: readonly number[]): LocalisedTrace[] {
  const scores = set.scores.get(scorer)!;
  return chosen.map((i) => ({
    error: set.traces[i]!.error!,
    candidates: candidatesOf(set, i),
    units: scores[i]!.units,
  }));
}

function candidatesOf({ traces, prompts }: ScoredSet, i: number): number {
  const { ids, p } = traces[i]!;
  return unitEnds(ids.length, decodePrompt(prompts[p]!.promptIds).rules.length).length;
}
