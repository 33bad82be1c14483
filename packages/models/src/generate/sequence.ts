import type { CompletionText } from './completion-text.ts';

/** Why a completion ended: by a stop token or stop string, or because it may be no longer. */
export type FinishReason = 'stop' | 'length';

/** A completion of one prompt. */
export interface GeneratedSample {
  /** Index of the request. */
  readonly request: number;
  /** Index within the request. */
  readonly sample: number;
  /** The completion, with the token that ended it: a stop token, or the one that completed a stop string. Length T. */
  readonly ids: Uint32Array<ArrayBuffer>;
  /** Log-probability of each token at the temperature of the sampling, all tokens allowed; 0 where forced. [T], nats. */
  readonly logps: Float32Array<ArrayBuffer>;
  /** 1 at each token that the environment wrote. [T] */
  readonly forced: Uint8Array<ArrayBuffer>;
  readonly finish: FinishReason;
  /** With `GenerateOptions.text`: the text, without stop token or stop string. */
  readonly text?: string;
}

/** One token of a completion, as it becomes known. */
export interface GeneratedToken {
  /** Index of the request. */
  readonly request: number;
  /** Index of the sample within the request. */
  readonly sample: number;
  /** Index within the completion. */
  readonly index: number;
  readonly id: number;
  /** As in `GeneratedSample.logps`. */
  readonly logp: number;
  readonly isForced: boolean;
  /**
   * With `GenerateOptions.text`: the text that is certain now and was not before. Joined, those of a sample are its
   * `text`.
   */
  readonly text: string;
  /** At the last token of the completion. */
  readonly finish?: FinishReason;
}

/** Who a sequence is, and what it begins with. */
interface SequenceStart {
  readonly request: number;
  readonly sample: number;
  readonly rowId: number;
  readonly prompt: Uint32Array;
  readonly maxNewTokens: number;
  readonly text: CompletionText | undefined;
}

/** A sequence that is being decoded. */
export class Sequence {
  readonly request: number;
  readonly sample: number;
  readonly rowId: number;
  readonly text: CompletionText | undefined;
  /** Prompt and completion; the first `length` are there. */
  readonly tokens: Uint32Array<ArrayBuffer>;
  length: number;
  readonly #promptLength: number;
  readonly #logps: Float32Array<ArrayBuffer>;
  readonly #forced: Uint8Array<ArrayBuffer>;

  constructor({ request, sample, rowId, prompt, maxNewTokens, text }: SequenceStart) {
    this.request = request;
    this.sample = sample;
    this.rowId = rowId;
    this.text = text;
    this.tokens = new Uint32Array(prompt.length + maxNewTokens);
    this.tokens.set(prompt);
    this.length = prompt.length;
    this.#promptLength = prompt.length;
    this.#logps = new Float32Array(maxNewTokens);
    this.#forced = new Uint8Array(maxNewTokens);
  }

  get completionLength(): number {
    return this.length - this.#promptLength;
  }

  /** Tokens that may still come. */
  get remaining(): number {
    return this.tokens.length - this.length;
  }

  /** Adds a token; with `stopIds` that name it the completion ends, as it does after its last possible token. */
  push(id: number, logp: number, isForced: boolean, stopIds: ReadonlySet<number>): GeneratedToken {
    const index = this.completionLength;
    this.#logps[index] = logp;
    this.#forced[index] = isForced ? 1 : 0;
    this.tokens[this.length++] = id;
    const isEnd = stopIds.has(id);
    let text = isEnd ? '' : (this.text?.push(id) ?? '');
    const isStop = isEnd || this.text?.isStopped === true;
    const finish = isStop ? 'stop' : this.remaining === 0 ? 'length' : undefined;
    if (finish !== undefined) text += this.text?.end() ?? '';
    const { request, sample } = this;
    return { request, sample, index, id, logp, isForced, text, ...(finish === undefined ? {} : { finish }) };
  }

  finish(reason: FinishReason): GeneratedSample {
    const { request, sample, completionLength } = this;
    return {
      request,
      sample,
      ids: this.tokens.slice(this.#promptLength, this.length),
      logps: this.#logps.slice(0, completionLength),
      forced: this.#forced.slice(0, completionLength),
      finish: reason,
      ...(this.text === undefined ? {} : { text: this.text.text }),
    };
  }
}
