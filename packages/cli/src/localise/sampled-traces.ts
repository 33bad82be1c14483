import { isJsonObject, type JsonObject } from '@dawngrad/models';
import { jsonRows } from '../generation/prompt-rows.ts';

/** A sampled completion of a prompt. */
export interface SampledTrace {
  readonly text: string;
  readonly generationIdx: number | null;
}

/**
 * The completions of a file of evaluated rows, ours or the reference's, by prompt: by its id where the
 * rows have one, and by the user's text. Those of a prompt come by their generation_idx.
 */
export class SampledTraces {
  readonly #byId = new Map<string, SampledTrace[]>();
  readonly #byText = new Map<string, SampledTrace[]>();

  constructor(path: string) {
    for (const { row } of jsonRows(path)) {
      const text = contentOf(row.generation);
      if (text === undefined || text === '') continue;
      const index = row.generation_idx;
      const trace = { text, generationIdx: Number.isInteger(index) ? (index as number) : null };
      if (typeof row.prompt_id === 'string') add(this.#byId, row.prompt_id, trace);
      const prompt = userText(row.prompt);
      if (prompt !== undefined) add(this.#byText, prompt, trace);
    }
    const last = Number.MAX_SAFE_INTEGER;
    for (const traces of [...this.#byId.values(), ...this.#byText.values()]) {
      traces.sort((a, b) => (a.generationIdx ?? last) - (b.generationIdx ?? last));
    }
  }

  /** The completions of a prompt; its text may be that with or without the instruction. */
  of(promptId: string, texts: readonly string[]): readonly SampledTrace[] {
    return this.#byId.get(promptId) ?? texts.map((text) => this.#byText.get(text)).find((found) => found) ?? [];
  }
}

function contentOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return isJsonObject(value) && typeof value.content === 'string' ? value.content : undefined;
}

function userText(prompt: unknown): string | undefined {
  if (!Array.isArray(prompt)) return undefined;
  const isUser = (item: unknown): item is JsonObject => isJsonObject(item) && item.role === 'user';
  return contentOf(prompt.findLast(isUser));
}

function add(map: Map<string, SampledTrace[]>, key: string, trace: SampledTrace): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [trace]);
  else known.push(trace);
}
