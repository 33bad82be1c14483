/** Ids to text, one id at a time; the texts joined are the text of all ids, and none of them cuts a character. */
export interface TextStream {
  /** The text that is final once this id is known: empty while a character is not complete. */
  push(id: number): string;
  /** What is left: the replacement characters of a sequence that ended inside a character. The stream starts anew. */
  end(): string;
}

/** What an id stands for in a byte-level vocabulary: bytes, the text of an added token, or nothing. */
export type TokenPart = Uint8Array | string | undefined;

/**
 * The text of byte-level tokens, exact and in constant time an id: the bytes of all tokens between two added ones are
 * one UTF-8 text, and a decoder that is fed them piece by piece gives out whole characters only.
 */
export class ByteTextStream implements TextStream {
  readonly #partOf: (id: number) => TokenPart;
  // A byte-order mark is a character like any other here.
  readonly #utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

  constructor(partOf: (id: number) => TokenPart) {
    this.#partOf = partOf;
  }

  push(id: number): string {
    const part = this.#partOf(id);
    if (part === undefined) return '';
    // An added token ends the text before it, complete or not.
    if (typeof part === 'string') return this.#utf8.decode() + part;
    return this.#utf8.decode(part, { stream: true });
  }

  end(): string {
    return this.#utf8.decode();
  }
}

/**
 * The text of any other tokens. Their decoders look at neighbours (the first space is stripped, words are joined by
 * spaces), so an id is decoded after the ids that gave the last text, and what it adds is its text: the windowed
 * detokenisation of streaming servers.
 */
export class WindowTextStream implements TextStream {
  readonly #decode: (ids: readonly number[]) => string;
  readonly #byteOf: (id: number) => number | undefined;
  #window: number[] = [];
  /** Ids at the start of the window whose text was given out, and the length of that text. */
  #doneIds = 0;
  #doneLength = 0;

  /**
   * @param decode the text of ids
   * @param byteOf the byte of an id that stands for one byte of UTF-8 (`<0xE2>`); only these cut characters
   */
  constructor(decode: (ids: readonly number[]) => string, byteOf: (id: number) => number | undefined) {
    this.#decode = decode;
    this.#byteOf = byteOf;
  }

  push(id: number): string {
    this.#window.push(id);
    if (endsInsideCharacter(this.#window, this.#byteOf)) return '';
    const text = this.#decode(this.#window).slice(this.#doneLength);
    this.#window = this.#window.slice(this.#doneIds);
    this.#doneIds = this.#window.length;
    this.#doneLength = this.#decode(this.#window).length;
    return text;
  }

  end(): string {
    const text = this.#decode(this.#window).slice(this.#doneLength);
    this.#window = [];
    this.#doneIds = 0;
    this.#doneLength = 0;
    return text;
  }
}

/** Whether the byte tokens at the end are the start of a UTF-8 sequence whose other bytes may still come. */
function endsInsideCharacter(ids: readonly number[], byteOf: (id: number) => number | undefined): boolean {
  for (let count = 1; count <= Math.min(3, ids.length); count++) {
    const byte = byteOf(ids[ids.length - count]!);
    if (byte === undefined || byte < 0x80) return false;
    if (byte >= 0xc0) return count < sequenceLength(byte);
  }
  return false;
}

/** Bytes of the UTF-8 sequence that starts with this byte; 1 for a byte that starts none. */
function sequenceLength(lead: number): number {
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  return lead >= 0xf0 && lead <= 0xf4 ? 4 : 1;
}
