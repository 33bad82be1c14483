import { ToolError } from '@dawngrad/tensor';
import { describeJson } from '../io/strict-json.ts';
import type { FieldReader } from './field-reader.ts';

const MAX_WINDOW = 1 << 28;
const DEFAULT_WINDOW = 4096;
const FULL = 'full_attention';
const SLIDING = 'sliding_attention';

/**
 * The windows of Qwen2 and Qwen3. `use_sliding_window` (default false) switches `sliding_window` (default 4096, null
 * for none) on in the layers that `layer_types` names, or without it from `max_window_layers` (default 28) up.
 */
export function readQwenWindows(read: FieldReader, layers: number): readonly number[] | undefined {
  const isOn = read.boolean('use_sliding_window', false) && !read.isNull('sliding_window');
  const types = readLayerTypes(read, layers);
  if (!isOn) {
    // transformers cannot build the mask of such a layer either: it has no window.
    if (types?.includes(SLIDING)) {
      throw read.corrupt(`use_sliding_window true and a sliding_window for layer_types "${SLIDING}"`, 'neither or one');
    }
    return undefined;
  }
  const window = read.integer('sliding_window', 1, MAX_WINDOW, DEFAULT_WINDOW);
  const first = read.integer('max_window_layers', 0, MAX_WINDOW, 28);
  const windows = Array.from({ length: layers }, (_, layer) =>
    (types === undefined ? layer >= first : types[layer] === SLIDING) ? window : 0,
  );
  return windows.some((tokens) => tokens > 0) ? windows : undefined;
}

/** The windows of Mistral: `sliding_window` (default 4096, null for none) in every layer. */
export function readMistralWindows(read: FieldReader, layers: number): readonly number[] | undefined {
  const types = readLayerTypes(read, layers);
  const window = read.isNull('sliding_window') ? 0 : read.integer('sliding_window', 1, MAX_WINDOW, DEFAULT_WINDOW);
  const expected = window === 0 ? FULL : SLIDING;
  const other = types?.find((type) => type !== expected);
  if (other !== undefined) throw read.unsupported(`layer_types "${expected}" throughout`, describeJson(other));
  return window === 0 ? undefined : new Array<number>(layers).fill(window);
}

/** Refuses windows in the file of a family without them. `use_sliding_window` false is how some files say "none". */
export function refuseWindows(read: FieldReader, layers: number): void {
  if (!read.has('use_sliding_window') || read.boolean('use_sliding_window', false)) {
    read.refuseUnless('sliding_window', []);
    read.refuseUnless('use_sliding_window', []);
  }
  if (readLayerTypes(read, layers)?.includes(SLIDING)) {
    throw read.unsupported(`layer_types "${FULL}" throughout`, describeJson(SLIDING));
  }
}

/** config.json's fields for windows as Qwen2 and Qwen3 spell them. */
export function qwenWindowsToJson(
  windows: readonly number[] | undefined,
  layers: number,
): Readonly<Record<string, unknown>> {
  if (windows === undefined) return { use_sliding_window: false, sliding_window: null, max_window_layers: layers };
  const window = oneWindow(windows);
  const first = windows.findIndex((tokens) => tokens > 0);
  return {
    use_sliding_window: true,
    sliding_window: window,
    // What versions before layer_types read; all that they can say is "from this layer up".
    max_window_layers: first,
    layer_types: windows.map((tokens) => (tokens > 0 ? SLIDING : FULL)),
  };
}

/** config.json's field for windows as Mistral spells them. */
export function mistralWindowsToJson(windows: readonly number[] | undefined): Readonly<Record<string, unknown>> {
  if (windows?.includes(0)) {
    throw new ToolError('config', {
      op: 'config.json',
      expected: 'the same window in every layer of a mistral',
      got: 'layers with and without one',
    });
  }
  return { sliding_window: windows === undefined ? null : oneWindow(windows) };
}

function oneWindow(windows: readonly number[]): number {
  const sizes = [...new Set(windows)].filter((tokens) => tokens > 0);
  if (sizes.length === 1) return sizes[0]!;
  throw new ToolError('config', {
    op: 'config.json',
    expected: 'one size of window',
    got: sizes.length === 0 ? 'none' : sizes.join(', '),
  });
}

function readLayerTypes(read: FieldReader, layers: number): readonly string[] | undefined {
  const types = read.texts('layer_types', layers);
  const other = types?.find((type) => type !== FULL && type !== SLIDING);
  if (other === undefined) return types;
  throw read.unsupported(`layer_types "${FULL}" or "${SLIDING}"`, describeJson(other));
}
