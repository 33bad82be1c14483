import type { Tokenizer } from '@dawngrad/models';
import { ToolError } from '@dawngrad/tensor';
import type { TextCodec } from './text-task.ts';

export interface TokenizerCodecOptions {
  readonly tokenizer: Tokenizer;
  /** Rows of the model's embedding; ids are below it. */
  readonly vocabSize: number;
  /** The id that ends a completion; default the tokenizer's own first end token. */
  readonly endId?: number;
  /** Further ids that end a completion, such as those of generation_config.json. */
  readonly stopIds?: readonly number[];
  /**
   * The whole text of a prompt, special tokens included, as a chat template renders it. Without it a
   * prompt is the begin token (where there is one), the user's text and a newline.
   */
  readonly renderPrompt?: (userText: string, system?: string) => string;
}

/**
 * A tokenizer as tasks use it. Prompt and completion are encoded apart, so that the ids of a completion
 * do not depend on what stands before them and a sample's ids are never made again from its text (D5).
 *
 * @throws ToolError `config` where no end token is known
 */
export function tokenizerCodec(options: TokenizerCodecOptions): TextCodec {
  const { tokenizer, vocabSize, renderPrompt } = options;
  const endId = options.endId ?? tokenizer.eosIds[0];
  if (endId === undefined) {
    throw new ToolError('config', { op: 'tokenizer', expected: 'an end token (eos_token)', got: 'none' });
  }
  const { bosId } = tokenizer;
  return {
    vocabSize,
    endId,
    endIds: [...new Set([endId, ...(options.stopIds ?? [])])],
    encodePrompt: (text) => {
      // A template writes its own begin token; adding one would double it (P8).
      if (renderPrompt !== undefined) return tokenizer.encode(renderPrompt(text));
      return [...(bosId === undefined ? [] : [bosId]), ...tokenizer.encode(`${text}\n`)];
    },
    ...(renderPrompt === undefined
      ? {}
      : { encodeSystemPrompt: (system, text) => tokenizer.encode(renderPrompt(text, system)) }),
    encodeCompletion: (text) => tokenizer.encode(text),
    decode: (ids) => tokenizer.decode(ids),
    pieces: (ids) => tokenizer.pieces(ids),
  };
}
