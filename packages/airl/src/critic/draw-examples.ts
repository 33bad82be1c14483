import { Draws } from '../data/draws.ts';
import { STREAMS } from '../data/streams.ts';
import type { TraceRecord } from '../record.ts';
import type { OnPolicyShare, Replay } from '../replay.ts';
import { corruptRecord, type MarkChoice } from '../task/create-record.ts';
import type { Demonstration, Task } from '../task/task.ts';
import type { CriticExamples } from './critic-update.ts';

/** A demonstrated prompt with the record of its expert. */
export interface ExpertTrace {
  readonly demonstration: Demonstration;
  readonly record: TraceRecord;
}

export interface ExampleCounts {
  readonly expertsPerUpdate: number;
  readonly policyPerUpdate: number;
  /** Corrupted copies of each expert. */
  readonly corruptedPerExpert: number;
}

export interface DrawnExamples extends CriticExamples {
  /** Negatives of the current round, of earlier rounds, and made of experts. */
  readonly onPolicy: number;
  readonly replayed: number;
  readonly corrupted: number;
}

/**
 * The examples of critic update number `update`: experts of random demonstrated prompts, policy samples of
 * the same prompts, and corrupted copies of the experts. Only prompts with samples take part, so that no
 * class can be told by its prompts. A prompt's positive is its expert or, where samples of it were
 * relabelled, one of them all. A pure function of its arguments.
 */
export function drawExamples(
  task: Task,
  experts: readonly ExpertTrace[],
  replay: Replay<TraceRecord>,
  counts: ExampleCounts,
  marks: MarkChoice,
  at: { readonly seed: number; readonly update: number; readonly share: OnPolicyShare },
): DrawnExamples {
  const { seed, update, share } = at;
  const draws = new Draws(seed, STREAMS.replay, update);
  const { positives: relabelled, negatives } = replay.state;
  const sampled = new Set(negatives.map(({ promptId }) => promptId));
  const sampledNow = new Set(negatives.filter(({ round }) => round === share.round).map(({ promptId }) => promptId));
  // Prompts of the current round come first, as many as its share asks for; `drawMatched` serves them first.
  const fresh = experts.filter(({ record }) => sampledNow.has(record.promptId));
  const first = pick(fresh, Math.ceil(share.fraction * counts.expertsPerUpdate), draws);
  const others = experts.filter((expert) => sampled.has(expert.record.promptId) && !first.includes(expert));
  const chosen = [...first, ...pick(others, counts.expertsPerUpdate - first.length, draws)];
  const promptIds = Array.from({ length: chosen.length === 0 ? 0 : counts.policyPerUpdate }, (_, i) => {
    return chosen[Math.floor((i * chosen.length) / counts.policyPerUpdate)]!.record.promptId;
  });
  const policy = replay.drawMatched(promptIds, share, draws).filter((record) => record !== undefined);
  const corrupted = chosen.flatMap(({ demonstration }, i) =>
    Array.from({ length: counts.corruptedPerExpert }, (_, copy) => {
      const index = i * counts.corruptedPerExpert + copy;
      const step = update * counts.expertsPerUpdate * counts.corruptedPerExpert + index;
      const made = task.corrupt(demonstration, new Draws(seed, STREAMS.corruption, step));
      return made && corruptRecord(task, demonstration, made, marks, { round: share.round, index });
    }).filter((record) => record !== undefined),
  );
  return {
    positives: chosen.map(({ record }) => {
      const agreeing = relabelled.filter(({ promptId }) => promptId === record.promptId);
      return agreeing.length === 0 ? record : draws.pick([record, ...agreeing]);
    }),
    negatives: [...policy, ...corrupted],
    onPolicy: policy.filter(({ round }) => round === share.round).length,
    replayed: policy.filter(({ round }) => round !== share.round).length,
    corrupted: corrupted.length,
  };
}

/** Up to `count` different items, in random order. */
function pick<Item>(items: readonly Item[], count: number, draws: Draws): Item[] {
  return draws.distinct(items.length, count).map((i) => items[i]!);
}
