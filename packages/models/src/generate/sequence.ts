/** A completion of one prompt. */
export interface GeneratedSample {
  /** Index of the request. */
  readonly request: number;
  /** Index within the request. */
  readonly sample: number;
  /** The completion, with the stop token that ended it. Length T. */
  readonly ids: Uint32Array<ArrayBuffer>;
  /** Log-probability of each token at the temperature of the sampling, all tokens allowed; 0 where forced. [T], nats. */
  readonly logps: Float32Array<ArrayBuffer>;
  /** 1 at each token that the environment wrote. [T] */
  readonly forced: Uint8Array<ArrayBuffer>;
  readonly finish: 'stop' | 'length';
}

/** A sequence that is being decoded. */
export class Sequence {
  readonly request: number;
  readonly sample: number;
  readonly rowId: number;
  /** Prompt and completion; the first `length` are there. */
  readonly tokens: Uint32Array<ArrayBuffer>;
  length: number;
  readonly #promptLength: number;
  readonly #logps: Float32Array<ArrayBuffer>;
  readonly #forced: Uint8Array<ArrayBuffer>;

  constructor(request: number, sample: number, rowId: number, prompt: Uint32Array, maxNewTokens: number) {
    this.request = request;
    this.sample = sample;
    this.rowId = rowId;
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

  push(token: number, logp: number, isForced: boolean): void {
    const t = this.completionLength;
    this.#logps[t] = logp;
    this.#forced[t] = isForced ? 1 : 0;
    this.tokens[this.length++] = token;
  }

  finish(reason: 'stop' | 'length'): GeneratedSample {
    const { request, sample, completionLength } = this;
    return {
      request,
      sample,
      ids: this.tokens.slice(this.#promptLength, this.length),
      logps: this.#logps.slice(0, completionLength),
      forced: this.#forced.slice(0, completionLength),
      finish: reason,
    };
  }
}
