import type { TextCodec } from '@dawngrad/airl';
import type { OpenModel } from '@dawngrad/models';

/** A trace that is to be scored. */
export interface TraceRequest {
  readonly id: string;
  readonly promptIds: Uint32Array;
  /** With the end token. */
  readonly completionIds: Uint32Array;
  /** Where steps end that came with the trace, one past their last token; a step-wise critic is read there. */
  readonly stepEnds?: readonly number[];
}

/** The texts of traces as ids, and places in a text as tokens. */
export class TraceText {
  readonly #codec: TextCodec;
  readonly #tokenizer: OpenModel['tokenizer'];

  constructor(codec: TextCodec, tokenizer: OpenModel['tokenizer']) {
    this.#codec = codec;
    this.#tokenizer = tokenizer;
  }

  /** Ids of a user's text, with a system message where the template has such, else in front of the text. */
  prompt(text: string, system?: string): Uint32Array {
    const { encodePrompt, encodeSystemPrompt } = this.#codec;
    if (system === undefined) return Uint32Array.from(encodePrompt(text));
    return Uint32Array.from(
      encodeSystemPrompt === undefined ? encodePrompt(`${system}\n\n${text}`) : encodeSystemPrompt(system, text),
    );
  }

  /** Ids of a completion, with the end token behind it. */
  completion(text: string): Uint32Array {
    return Uint32Array.from([...this.#codec.encodeCompletion(text), this.#codec.endId]);
  }

  /**
   * How many tokens of a completion begin before each place of its text, a UTF-16 index. A tokenizer that
   * does not give the text back (one that drops white space) is asked for the tokens of the text up to there.
   */
  tokensBefore(completionIds: Uint32Array, text: string, places: readonly number[]): number[] {
    const ids = Array.from(completionIds.subarray(0, -1));
    if (this.#tokenizer.decode(ids) !== text) {
      return places.map((place) => Math.min(ids.length, this.#codec.encodeCompletion(text.slice(0, place)).length));
    }
    const offsets = this.#tokenizer.charOffsets(ids).slice(0, ids.length);
    return places.map((place) => {
      const count = offsets.findIndex((start) => start >= place);
      return count < 0 ? ids.length : count;
    });
  }
}
