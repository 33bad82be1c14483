import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from '@dawngrad/models/node';
import type { Device } from '@dawngrad/tensor';
import { readTraces } from '../measure/read-lines.ts';
import type { ScoredTraces, Scorer } from '../measure/score-traces.ts';
import { linesText } from '../measure/trace-line.ts';
import type { FinishedPart, StudyPart } from '../part.ts';
import { tokenCost } from '../token-cost.ts';

/** Traces of another part that are to be scored. */
export interface TraceSet extends Omit<ScoredTraces, 'lines'> {
  /** Of the input, and of the file of scores: `sft-test`, `planted`. */
  readonly name: string;
  readonly part: StudyPart;
  /** How many traces of each problem it has. */
  readonly perProblem: number;
}

export interface ScoreWork {
  readonly kind: 'judge' | 'proofread' | 'log-probs';
  readonly version: number;
  readonly label: string;
  /** The part whose model scores. */
  readonly model: StudyPart;
  readonly settings: object;
  readonly open: (device: Device, model: FinishedPart) => Promise<{ readonly score: Scorer; dispose(): void }>;
}

/** Scores whole sets of traces, a file a set; a set whose file is there is not scored again after an interruption. */
export function scorePart(
  { kind, version, label, model, settings, open }: ScoreWork,
  sets: readonly TraceSet[],
): StudyPart {
  const first = sets[0]!.part;
  const tokensOf = ({ task, prompts, perProblem }: TraceSet): number =>
    prompts.length * perProblem * (task.maxPromptTokens + task.maxCompletionTokens - 8);
  const traces = sets.reduce((sum, { prompts, perProblem }) => sum + prompts.length * perProblem, 0);
  return {
    kind,
    version,
    label,
    seed: first.seed,
    setting: first.setting,
    settings,
    inputs: { model, ...Object.fromEntries(sets.map(({ name, part }) => [name, part])) },
    cost: tokenCost({ forward: sets.reduce((sum, set) => sum + tokensOf(set), 0), bytes: traces * SCORE_BYTES }),
    async run({ device, folder, inputs, progress, shouldStop }) {
      const { score, dispose } = await open(device, inputs.model!);
      try {
        for (const [i, { name, task, prompts }] of sets.entries()) {
          const file = join(folder, scoreFile(name));
          if (!existsSync(file)) {
            const scores = await score({ task, prompts, lines: readTraces(inputs[name]!.folder) });
            await writeFileAtomically(file, new TextEncoder().encode(linesText(scores)));
          }
          progress.step('score', i + 1, sets.length, {});
          if (shouldStop() && i + 1 < sets.length) return { status: 'stopped' };
        }
      } finally {
        dispose();
      }
      return { status: 'finished', result: { traces }, headline: `${traces} traces of ${sets.length} sets` };
    },
  };
}

/** The file with the scores of a set. */
export function scoreFile(set: string): string {
  return `${set}.jsonl`;
}

const SCORE_BYTES = 90;
