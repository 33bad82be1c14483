import { ToolError } from '@dawngrad/tensor';
import type { EvalRow } from './row.ts';

/** All completions of one prompt, by ascending generation_idx 0..n-1. */
export interface PromptGroup {
  readonly promptId: string;
  readonly rows: readonly EvalRow[];
}

/**
 * Groups rows by prompt id, never by position: any order of the input gives the same groups in the
 * same order. A duplicate, a gap in generation_idx, or two gold answers for one prompt is a 'config'
 * error; so is a prompt without exactly `samplesPerPrompt` rows when that is given.
 */
export function groupByPrompt(rows: readonly EvalRow[], samplesPerPrompt?: number): PromptGroup[] {
  const byPrompt = new Map<string, EvalRow[]>();
  for (const row of rows) {
    const group = byPrompt.get(row.prompt_id);
    if (group === undefined) byPrompt.set(row.prompt_id, [row]);
    else group.push(row);
  }
  if (byPrompt.size === 0) throw fault('grouping rows', 'at least one row', 'none');

  const ids = [...byPrompt.keys()].sort(compareCodeUnits);
  return ids.map((promptId) => {
    const group = byPrompt.get(promptId)!.sort((a, b) => a.generation_idx - b.generation_idx);
    group.forEach((row, i) => {
      if (row.generation_idx !== i) {
        const previous = group[i - 1];
        const what = previous?.generation_idx === row.generation_idx ? 'twice' : `but no ${i}`;
        throw fault(`prompt ${promptId}`, `generation_idx 0..${group.length - 1}`, `${row.generation_idx} ${what}`);
      }
      if (row.gold !== group[0]!.gold) {
        throw fault(
          `prompt ${promptId}`,
          'one gold answer',
          `${JSON.stringify(group[0]!.gold)} and ${JSON.stringify(row.gold)}`,
        );
      }
    });
    if (samplesPerPrompt !== undefined && group.length !== samplesPerPrompt) {
      throw fault(`prompt ${promptId}`, `${samplesPerPrompt} completions`, `${group.length}`);
    }
    return { promptId, rows: group };
  });
}

/**
 * Pairs two sets of rows of the same completions (sampled here, scored there) by prompt id and
 * generation_idx. Every row must find its partner with the same completion: the same ids, or the same text
 * where a side has no ids.
 */
export function joinRows(left: readonly EvalRow[], right: readonly EvalRow[]): (readonly [EvalRow, EvalRow])[] {
  const partners = new Map(right.map((row) => [rowKey(row), row]));
  if (partners.size !== right.length) {
    throw fault('joining rows', 'each prompt_id and generation_idx once', `${right.length - partners.size} repeated`);
  }
  const pairs = left.map((row): readonly [EvalRow, EvalRow] => {
    const partner = partners.get(rowKey(row));
    if (partner === undefined) {
      throw fault(
        'joining rows',
        'a partner for each row',
        `none for prompt ${row.prompt_id} sample ${row.generation_idx}`,
      );
    }
    partners.delete(rowKey(row));
    if (!sameCompletion(row, partner)) {
      throw fault(
        `prompt ${row.prompt_id} sample ${row.generation_idx}`,
        'equal completion_ids on both sides',
        'two texts',
      );
    }
    return [row, partner];
  });
  for (const row of partners.values()) {
    throw fault(
      'joining rows',
      'a partner for each row',
      `none for prompt ${row.prompt_id} sample ${row.generation_idx}`,
    );
  }
  return pairs;
}

function sameCompletion(a: EvalRow, b: EvalRow): boolean {
  const [ids, others] = [a.completion_ids, b.completion_ids];
  if (ids === null || others === null) return a.generation.content === b.generation.content;
  return ids.length === others.length && ids.every((id, t) => id === others[t]);
}

function rowKey(row: EvalRow): string {
  return `${row.generation_idx} ${row.prompt_id}`;
}

/** Not localeCompare: the order must not depend on the machine's language. */
function compareCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function fault(op: string, expected: string, got: string): ToolError {
  return new ToolError('config', { op, expected, got });
}
