import type { TextStream } from './text-stream.ts';
import type { DecodeOptions, Tokenizer } from './tokenizer.ts';

/**
 * The text of ids as they are generated: each `push` returns the text that is final, so that a character whose bytes
 * are spread over several tokens is never printed in part. All texts joined are `tokenizer.decode` of all ids.
 */
export class StreamingDecoder {
  readonly #stream: TextStream;

  constructor(tokenizer: Tokenizer, options: DecodeOptions = {}) {
    this.#stream = tokenizer.textStream(options);
  }

  /** The text that this id makes final; empty while a character is not complete. */
  push(id: number): string {
    return this.#stream.push(id);
  }

  /** What is left at the end, replacement characters for an incomplete character; the decoder then starts anew. */
  end(): string {
    return this.#stream.end();
  }
}
