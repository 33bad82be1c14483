import { existsSync, readFileSync } from 'node:fs';
import type { GuidedCost } from '@dawngrad/airl';
import { LineFile } from '../run/line-file.ts';

/** The file of costs beside a file of rows. */
export function costFileName(rows: string): string {
  return rows.endsWith('.jsonl') ? `${rows.slice(0, -'.jsonl'.length)}_costs.jsonl` : `${rows}_costs`;
}

/** Adds the tokens that the samples of some prompts took; a prompt that is done again has the same. */
export function appendCosts(path: string, costs: ReadonlyMap<string, GuidedCost>): void {
  const held = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const file = new LineFile(path);
  try {
    // A last line that was cut short is dropped.
    file.truncate(Buffer.byteLength(held.slice(0, held.lastIndexOf('\n') + 1)));
    for (const [prompt_id, { policyTokens, criticTokens }] of costs) {
      file.append({ prompt_id, policy_tokens: policyTokens, critic_tokens: criticTokens });
    }
    file.sync();
  } finally {
    file.close();
  }
}

/** The tokens of each prompt by its id; the last line of a prompt counts. */
export function readCosts(path: string): Map<string, GuidedCost> {
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
  const costs = new Map<string, GuidedCost>();
  for (const line of lines) {
    if (line === '') continue;
    const row = JSON.parse(line) as { prompt_id: string; policy_tokens: number; critic_tokens: number };
    costs.set(row.prompt_id, { policyTokens: row.policy_tokens, criticTokens: row.critic_tokens });
  }
  return costs;
}
