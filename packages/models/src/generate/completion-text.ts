import type { TextStream } from '../tokenizer/text-stream.ts';

/**
 * The text of a completion as it grows, cut at the first stop string. What could be the beginning of a stop
 * string is not shown before it is known to be none.
 */
export class CompletionText {
  readonly #stream: TextStream;
  readonly #stops: readonly string[];
  readonly #longest: number;
  #text = '';
  #shown = 0;
  #isStopped = false;

  constructor(stream: TextStream, stops: readonly string[]) {
    this.#stream = stream;
    this.#stops = stops;
    this.#longest = Math.max(0, ...stops.map((stop) => stop.length));
  }

  /** All of it, without the stop string. */
  get text(): string {
    return this.#text;
  }

  /** True once a stop string has come. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Takes in a token; returns the text that can be shown now. */
  push(id: number): string {
    this.#append(this.#stream.push(id));
    return this.#show(this.#isStopped ? 0 : this.#possibleStop());
  }

  /** Ends the text; returns what can be shown still. */
  end(): string {
    if (!this.#isStopped) this.#append(this.#stream.end());
    return this.#show(0);
  }

  #append(piece: string): void {
    const searched = Math.max(0, this.#text.length - this.#longest + 1);
    this.#text += piece;
    const found = this.#stops.map((stop) => this.#text.indexOf(stop, searched)).filter((at) => at >= 0);
    if (found.length === 0) return;
    this.#isStopped = true;
    this.#text = this.#text.slice(0, Math.min(...found));
  }

  #show(kept: number): string {
    const from = this.#shown;
    this.#shown = this.#text.length - kept;
    return this.#text.slice(from, this.#shown);
  }

  /** Length of the longest end of the text that a stop string begins with. */
  #possibleStop(): number {
    for (let length = Math.min(this.#longest - 1, this.#text.length); length > 0; length--) {
      const tail = this.#text.slice(-length);
      if (this.#stops.some((stop) => stop.startsWith(tail))) return length;
    }
    return 0;
  }
}
