/** The bytes of the files that make up a tokenizer, by name. */
export type TokenizerFiles = ReadonlyMap<string, Uint8Array>;

/** Far above any published tokenizer.json. */
export const TOKENIZER_CAP_BYTES = 128 << 20;
