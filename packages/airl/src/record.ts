import { ToolError } from '@dawngrad/tensor';
import { type Segment, segmentsOf } from './segment/marks.ts';

/** The critic's classes: expert traces are positive, policy samples and corrupted experts negative. */
export type Label = 'positive' | 'negative';

/** What was done to an expert trace to make a negative of it. */
export interface Corruption {
  /** The record that was corrupted. */
  readonly sourceId: string;
  /** The names of the edits, in the order in which they were applied. */
  readonly functions: readonly string[];
}

/**
 * One trace from birth to report (r-airl.md, section 2). Critic, policy, evaluation and plots read the
 * same `completionIds`; T is their number. Every score vector has T entries.
 */
export interface TraceRecord {
  readonly id: string;
  readonly promptId: string;
  readonly source: 'expert' | 'policy' | 'corrupt';
  /** The round in which the trace was made; 0 is the critic's warm-up. */
  readonly round: number;
  readonly promptIds: Uint32Array;
  readonly completionIds: Uint32Array;
  /** 1 at each token that the environment wrote; losses and log-probability scores leave it out. */
  readonly forced: Uint8Array;
  /** Whether the completion ended by itself or at the length limit. */
  readonly finish: 'end' | 'length';
  readonly text: string;
  readonly answerExtracted: string | null;
  readonly gold: string;
  /** What the programmatic checker says; training without a checker does not read it. */
  readonly correct: boolean;
  /** Tokens that the critic is read at, ascending, the last one T - 1. */
  readonly marks: Uint32Array;
  readonly segments: readonly Segment[];
  readonly corruption?: Corruption;
  label: Label;
  /** Why the label is what it is, for the log. */
  labelReason: string;
  /** The round in which the label was last set; -1 while it is that of the source. */
  labelRound: number;
  /** Whether the label is another than that of the source. */
  relabelled: boolean;
  /** log pi(token) under the sampling policy, nats. */
  logp?: Float32Array;
  /** log pi(token) under the frozen reference, nats. */
  refLogp?: Float32Array;
  /** The critic's reward of each token (`tokenRewards`). */
  critic?: Float32Array;
  advantage?: Float32Array;
}

/** Sets a record's label; once a round at most (I4). */
export function setLabel(record: TraceRecord, label: Label, reason: string, round: number): void {
  if (round <= record.labelRound) {
    violated('I4', record, `a label set once a round, and last in round ${record.labelRound}`, `round ${round}`);
  }
  if (label !== record.label) record.relabelled = !record.relabelled;
  record.label = label;
  record.labelReason = reason;
  record.labelRound = round;
}

/** What the invariants are checked against. */
export interface RecordRules {
  /** The ids that end a completion. */
  readonly endIds: readonly number[];
  readonly vocabSize: number;
  /** The text of a completion's ids, as it was made when the record was. */
  readonly decode: (completionIds: Uint32Array) => string;
  /** The one function that makes marks; its only argument is the completion. */
  readonly marks: (completionIds: Uint32Array) => Uint32Array;
}

/**
 * Throws unless the records keep the invariants of r-airl.md, section 2:
 * I1 ids are made once (the text is that of the ids, ids are in the vocabulary, record ids differ);
 * I2 gold and prompt are the prompt's own; I3 marks and segments come from the completion alone;
 * I4 each label has its reason; I5 positives and negatives end the same way (completions cut at the
 * length limit excepted); I6 every score vector has T finite entries.
 */
export function checkRecords(records: readonly TraceRecord[], rules: RecordRules): void {
  const seen = new Set<string>();
  const prompts = new Map<string, TraceRecord>();
  let endsWithToken: boolean | undefined;
  for (const record of records) {
    const { id, promptId, promptIds, completionIds } = record;
    const length = completionIds.length;
    if (seen.has(id)) violated('I1', record, 'a record id of its own', 'one that another record has');
    seen.add(id);
    if (length === 0) violated('I1', record, 'at least one completion token', 'none');
    for (const token of [...promptIds, ...completionIds]) {
      if (token >= rules.vocabSize) violated('I1', record, `ids below ${rules.vocabSize}`, String(token));
    }
    if (rules.decode(completionIds) !== record.text) violated('I1', record, 'the text of its ids', 'another text');

    const first = prompts.get(promptId) ?? record;
    prompts.set(promptId, first);
    if (first.gold !== record.gold) violated('I2', record, `gold ${JSON.stringify(first.gold)}`, record.gold);
    if (!sameIds(first.promptIds, promptIds)) violated('I2', record, 'the prompt of its promptId', 'other ids');

    if (!sameIds(rules.marks(completionIds), record.marks)) violated('I3', record, 'marks of the completion', 'others');
    if (!sameSegments(segmentsOf(record.marks), record.segments)) {
      violated('I3', record, 'segments of the marks', 'others');
    }

    if (record.labelReason === '') violated('I4', record, 'a reason for the label', 'none');

    if (record.finish === 'end') {
      const ends = rules.endIds.includes(completionIds[length - 1] as number);
      endsWithToken ??= ends;
      if (ends !== endsWithToken) {
        violated('I5', record, `an end token ${endsWithToken ? 'present' : 'absent'} in all`, 'the opposite');
      }
    }

    checkLength(record, 'forced', record.forced);
    for (const name of ['logp', 'refLogp', 'critic', 'advantage'] as const) checkLength(record, name, record[name]);
  }
}

function checkLength(record: TraceRecord, name: string, values: Float32Array | Uint8Array | undefined): void {
  if (values === undefined) return;
  const length = record.completionIds.length;
  if (values.length !== length) violated('I6', record, `${length} entries in ${name}`, String(values.length));
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) violated('I6', record, `finite entries in ${name}`, `${values[bad]} at token ${bad}`);
}

function sameIds(a: Uint32Array, b: Uint32Array): boolean {
  return a === b || (a.length === b.length && a.every((id, i) => id === b[i]));
}

function sameSegments(a: readonly Segment[], b: readonly Segment[]): boolean {
  return a.length === b.length && a.every(({ start, end }, i) => start === b[i]?.start && end === b[i]?.end);
}

function violated(invariant: string, record: TraceRecord, expected: string, got: string): never {
  throw new ToolError('failed', {
    op: `record ${record.id} (${record.source}), invariant ${invariant}`,
    expected,
    got,
  });
}
