import type { RunLabels, TracePair, TracePairs } from '@dawngrad/eval';
import { ToolError } from '@dawngrad/tensor';
import { z } from 'zod';
import { readJsonLines } from '../read-run/read-json-lines.ts';

/** Where the scored pairs of a critic are. */
export interface PairSource {
  readonly labels: RunLabels;
  readonly source: string;
  readonly details: string;
}

const numbers = z.array(
  z
    .number()
    .nullable()
    .transform((value) => value ?? Number.NaN),
);
const message = z.object({ role: z.string(), content: z.string() });

/** Our lines of pair_details.jsonl and the reference's, whose other fields are passed over. */
const detailSchema = z.object({
  prompt_idx: z.int(),
  severity: z.int(),
  variant_idx: z.int(),
  prompt: z.union([z.string(), z.array(message)]),
  clean_text: z.string(),
  pert_text: z.string(),
  changed_token_positions: z.array(z.int()),
  clean_score_seq: numbers,
  pert_score_seq: numbers,
});

/** Reads pair_details.jsonl. Throws ToolError 'config' with the line of a pair that lacks something. */
export function readPairs({ labels, source, details }: PairSource): TracePairs {
  const pairs = readJsonLines(details).rows.map((row, i): TracePair => {
    const found = detailSchema.safeParse(row);
    if (!found.success) {
      const [issue] = found.error.issues;
      throw new ToolError('config', {
        op: `${details}:${i + 1}`,
        expected: 'a scored pair of dawngrad localise',
        got: `${issue!.path.join('.')}: ${issue!.message}`,
      });
    }
    const pair = found.data;
    return {
      promptIdx: pair.prompt_idx,
      severity: pair.severity,
      variantIdx: pair.variant_idx,
      prompt:
        typeof pair.prompt === 'string'
          ? pair.prompt
          : (pair.prompt.findLast(({ role }) => role === 'user')?.content ?? ''),
      cleanText: pair.clean_text,
      editedText: pair.pert_text,
      changed: pair.changed_token_positions,
      clean: pair.clean_score_seq,
      edited: pair.pert_score_seq,
    };
  });
  return { labels, source, pairs };
}
