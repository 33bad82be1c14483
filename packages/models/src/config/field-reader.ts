import { ToolError } from '@dawngrad/tensor';
import { describeJson, isJsonObject, type JsonObject } from '../io/strict-json.ts';

/** Typed access to the fields of one object of a file, with its name in every message. `null` counts as absent. */
export class FieldReader {
  readonly file: string;
  readonly #json: JsonObject;

  constructor(file: string, json: JsonObject) {
    this.file = file;
    this.#json = json;
  }

  /** Null counts as absent. */
  has(key: string): boolean {
    return this.value(key) !== undefined;
  }

  /** The field is there and null: "none" where the default is something. */
  isNull(key: string): boolean {
    return Object.hasOwn(this.#json, key) && this.#json[key] === null;
  }

  /** The field as it is; undefined for null. */
  value(key: string): unknown {
    // A key such as "constructor" must not be found on the prototype.
    return Object.hasOwn(this.#json, key) ? (this.#json[key] ?? undefined) : undefined;
  }

  /** An integer from `min` to `max`; without a fallback the field is required. */
  integer(key: string, min: number, max: number, fallback?: number): number {
    const value = this.value(key) ?? fallback;
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
      throw this.corrupt(`${key} as an integer from ${min} to ${max}`, describeJson(value));
    }
    return value;
  }

  /** A finite number over 0 and at most `max`; without a fallback the field is required. */
  positive(key: string, max: number, fallback?: number): number {
    const value = this.value(key) ?? fallback;
    if (typeof value !== 'number' || !(value > 0) || value > max) {
      throw this.corrupt(`${key} over 0 and at most ${max}`, describeJson(value));
    }
    return value;
  }

  boolean(key: string, fallback: boolean): boolean {
    const value = this.value(key) ?? fallback;
    if (typeof value !== 'boolean') throw this.corrupt(`${key} as true or false`, describeJson(value));
    return value;
  }

  /** One token id. Some published files write -1 for "none". */
  tokenId(key: string, vocabSize: number): number | undefined {
    const ids = this.value(key) === -1 ? [] : this.tokenIds(key, vocabSize);
    if (ids.length > 1) throw this.corrupt(`one ${key}`, `${ids.length}`);
    return ids[0];
  }

  /** A token id or a list of them; none where the field is absent. */
  tokenIds(key: string, vocabSize: number): readonly number[] {
    const value = this.value(key) ?? [];
    const ids: readonly unknown[] = Array.isArray(value) ? value : [value];
    return ids.map((id) => {
      if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0 || id >= vocabSize) {
        throw this.corrupt(`${key} from 0 to ${vocabSize - 1}`, describeJson(id));
      }
      return id;
    });
  }

  /** A list of `length` texts, or undefined where the field is absent. */
  texts(key: string, length: number): readonly string[] | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    const isList = Array.isArray(value) && value.length === length && value.every((item) => typeof item === 'string');
    if (!isList) throw this.corrupt(`${key} as a list of ${length} texts`, describeJson(value));
    return value as readonly string[];
  }

  /** A reader of the object under `key`, or undefined where the field is absent. */
  object(key: string): FieldReader | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    if (!isJsonObject(value)) throw this.corrupt(`${key} as an object`, describeJson(value));
    return new FieldReader(`${this.file} ${key}`, value);
  }

  get keys(): readonly string[] {
    return Object.keys(this.#json).filter((key) => this.has(key));
  }

  /** A file that is damaged or lies. */
  corrupt(expected: string, got: string): ToolError {
    return new ToolError('corrupt', { op: this.file, expected, got });
  }

  /** A sound file of a model that is not supported. */
  unsupported(expected: string, got: string, hint = 'This model is not supported.'): ToolError {
    return new ToolError('config', { op: this.file, expected, got, hint });
  }

  /** Throws unless a field is absent or one of `off`: the values that mean what is implemented. */
  refuseUnless(key: string, off: readonly unknown[]): void {
    const value = this.value(key);
    if (value === undefined || off.includes(value)) return;
    throw this.unsupported(
      off.length === 0 ? `no ${key}` : `${key} ${off.map(describeJson).join(' or ')}`,
      describeJson(value),
    );
  }
}
