import { Draws } from '../data/draws.ts';
import { STREAMS } from '../data/streams.ts';
import type { TraceRecord } from '../record.ts';
import type { OnPolicyShare, Replay } from '../replay.ts';
import { corruptRecord, type MarkChoice } from '../task/create-record.ts';
import type { CorruptedExpert, Demonstration, Task } from '../task/task.ts';
import type { CriticExamples } from './critic-update.ts';
import { type ChosenTraces, chooseRound } from './whole-round.ts';

/** A demonstrated prompt with the record of its expert. */
export interface ExpertTrace {
  readonly demonstration: Demonstration;
  readonly record: TraceRecord;
}

export interface ExampleCounts {
  /** Null: the whole round, all samples of `promptsPerRound` prompts and as many replayed ones as the share allows. */
  readonly expertsPerUpdate: number | null;
  /** Not looked at where the whole round takes part. */
  readonly policyPerUpdate: number | null;
  /** Demonstrated prompts of a round; needed for the whole round only. */
  readonly promptsPerRound?: number;
  /** Corrupted copies of each expert. */
  readonly corruptedPerExpert: number;
  /** Of the wrong traces that came with an expert's row, how many take part; all of them (D8) unless said. */
  readonly storedPerExpert?: number | null;
}

export interface DrawnExamples extends CriticExamples {
  /** Negatives of the current round, of earlier rounds, made of experts, and that came with the experts' rows. */
  readonly onPolicy: number;
  readonly replayed: number;
  readonly corrupted: number;
  readonly stored: number;
  /** Experts among the positives that were made wrong on purpose (`corruptExperts`). */
  readonly expertErrors: number;
}

/** Which update the examples are of. */
interface UpdatePlace {
  readonly seed: number;
  readonly update: number;
  readonly share: OnPolicyShare;
}

/** The most experts that an update of the whole round may have: their corruptions are numbered by it. */
const MOST_EXPERTS = 4096;

/**
 * The examples of critic update number `update`: experts of demonstrated prompts, policy samples of the same
 * prompts, corrupted copies of the experts and the wrong traces that came with them. Only prompts with samples take
 * part, so that no class can be told by its prompts. A pure function of its arguments.
 */
export function drawExamples(
  task: Task,
  experts: readonly ExpertTrace[],
  replay: Replay<TraceRecord>,
  counts: ExampleCounts,
  marks: MarkChoice,
  at: UpdatePlace,
): DrawnExamples {
  const { round } = at.share;
  const draws = new Draws(at.seed, STREAMS.replay, at.update);
  const { expertsPerUpdate, policyPerUpdate, promptsPerRound = 0 } = counts;
  const chosen =
    expertsPerUpdate === null || policyPerUpdate === null
      ? chooseRound(experts, replay.state, promptsPerRound, at.share, draws)
      : chooseSome(experts, replay, expertsPerUpdate, policyPerUpdate, at.share, draws);
  const corrupted = corruptions(task, chosen.experts, counts, marks, at);
  const stored = storedNegatives(task, chosen.experts, counts, marks, at);
  return {
    positives: chosen.positives,
    negatives: [...chosen.samples, ...corrupted, ...stored],
    onPolicy: chosen.samples.filter((record) => record.round === round).length,
    replayed: chosen.samples.filter((record) => record.round !== round).length,
    corrupted: corrupted.length,
    stored: stored.length,
    expertErrors: chosen.positives.filter((record) =>
      chosen.experts.some((expert) => expert.record === record && expert.demonstration.isExpertError === true),
    ).length,
  };
}

/**
 * Experts of random prompts and policy samples of the same prompts, so many of each. A prompt's positive is its
 * expert or, where samples of it were relabelled, one of them all.
 */
function chooseSome(
  experts: readonly ExpertTrace[],
  replay: Replay<TraceRecord>,
  expertCount: number,
  policyCount: number,
  share: OnPolicyShare,
  draws: Draws,
): ChosenTraces {
  const { positives: relabelled, negatives } = replay.state;
  const sampled = new Set(negatives.map(({ promptId }) => promptId));
  const sampledNow = new Set(negatives.filter(({ round }) => round === share.round).map(({ promptId }) => promptId));
  // Prompts of the current round come first, as many as its share asks for; `drawMatched` serves them first.
  const fresh = experts.filter(({ record }) => sampledNow.has(record.promptId));
  const first = draws.some(fresh, Math.ceil(share.fraction * expertCount));
  const others = experts.filter((expert) => sampled.has(expert.record.promptId) && !first.includes(expert));
  const chosen = [...first, ...draws.some(others, expertCount - first.length)];
  const promptIds = Array.from({ length: chosen.length === 0 ? 0 : policyCount }, (_, i) => {
    return chosen[Math.floor((i * chosen.length) / policyCount)]!.record.promptId;
  });
  return {
    experts: chosen,
    samples: replay.drawMatched(promptIds, share, draws).filter((record) => record !== undefined),
    positives: chosen.map(({ record }) => {
      const agreeing = relabelled.filter(({ promptId }) => promptId === record.promptId);
      return agreeing.length === 0 ? record : draws.pick([record, ...agreeing]);
    }),
  };
}

/** Copies of the experts, made wrong anew in each update; never of a relabelled sample (D12). */
function corruptions(
  task: Task,
  experts: readonly ExpertTrace[],
  { expertsPerUpdate, corruptedPerExpert }: ExampleCounts,
  marks: MarkChoice,
  { seed, update, share }: UpdatePlace,
): TraceRecord[] {
  const perUpdate = (expertsPerUpdate ?? MOST_EXPERTS) * corruptedPerExpert;
  return experts.flatMap(({ demonstration }, i) =>
    Array.from({ length: corruptedPerExpert }, (_, copy) => {
      const index = i * corruptedPerExpert + copy;
      const made = task.corrupt(demonstration, new Draws(seed, STREAMS.corruption, update * perUpdate + index));
      const differs = made !== undefined && isChanged(made, demonstration);
      return differs ? corruptRecord(task, demonstration, made, marks, { round: share.round, index }) : undefined;
    }).filter((record) => record !== undefined),
  );
}

/** The wrong traces that came with the experts' rows: all n of n (D8), or so many of each expert's. */
function storedNegatives(
  task: Task,
  experts: readonly ExpertTrace[],
  { corruptedPerExpert, storedPerExpert = null }: ExampleCounts,
  marks: MarkChoice,
  { seed, update, share }: UpdatePlace,
): TraceRecord[] {
  if (storedPerExpert === 0) return [];
  const draws = new Draws(seed, STREAMS.storedNegatives, update);
  let index = experts.length * corruptedPerExpert;
  return experts.flatMap(({ demonstration }) => {
    const all = (task.storedCorruptions?.(demonstration) ?? []).filter((made) => isChanged(made, demonstration));
    const some = storedPerExpert === null ? all : draws.some(all, storedPerExpert);
    return some.map((made) => corruptRecord(task, demonstration, made, marks, { round: share.round, index: index++ }));
  });
}

/** Whether the ids differ too: two texts may be the same to a tokenizer, and no trace is a negative of itself (D12). */
function isChanged({ completionIds: made }: CorruptedExpert, { completionIds: source }: Demonstration): boolean {
  return made.length !== source.length || made.some((id, i) => id !== source[i]);
}
