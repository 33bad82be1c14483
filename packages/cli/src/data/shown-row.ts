import type { Tokenizer } from '@dawngrad/models';

/** One token of a row. */
export interface ShownToken {
  readonly id: number;
  /** Empty for a token that completes no character; the token that does has it all. */
  readonly text: string;
  readonly special: boolean;
  readonly trained: boolean;
}

/** A row as a model is trained on it. */
export interface ShownRow {
  /** The row's name: its id, or its file and line. */
  readonly name: string;
  readonly tokens: readonly ShownToken[];
  /** How the trained tokens are known. */
  readonly by: 'completion' | 'generation' | 'prefix' | 'content';
}

/** Names, texts and kinds of the ids of a row. */
export function showRow(
  tokenizer: Tokenizer,
  row: { readonly name: string; readonly ids: readonly number[]; readonly trained: readonly boolean[] } & Pick<
    ShownRow,
    'by'
  >,
): ShownRow {
  const texts = tokenizer.pieces(row.ids);
  const tokens = row.ids.map((id, i) => ({
    id,
    text: texts[i] as string,
    special: tokenizer.isSpecial(id),
    trained: row.trained[i] as boolean,
  }));
  return { name: row.name, tokens, by: row.by };
}
