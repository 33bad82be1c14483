import { FieldReader } from '../config/field-reader.ts';
import { describeJson, parseStrictJsonObject } from '../io/strict-json.ts';
import type { LoraShape } from '../nn/lora-placement.ts';

export const ADAPTER_CONFIG_FILE = 'adapter_config.json';
const MAX_RANK = 1 << 16;
const MAX_NAMES = 10_000;

/** What adapter_config.json says, in PEFT's format. */
export interface AdapterConfig extends LoraShape {
  /** Hub id or path of the model that the adapter was made for. */
  readonly baseModel?: string;
  readonly revision?: string;
  /** Share of inputs that were dropped in training; merging and inference drop none. Default 0. */
  readonly dropout?: number;
}

/** Fields that are understood below, or that say nothing about the result. */
const KNOWN: readonly string[] = [
  ...['r', 'lora_alpha', 'use_rslora', 'lora_dropout', 'target_modules', 'exclude_modules', 'rank_pattern'],
  ...['alpha_pattern', 'layers_to_transform', 'layers_pattern', 'modules_to_save', 'base_model_name_or_path'],
  ...['revision', 'peft_type', 'task_type', 'bias', 'fan_in_fan_out', 'init_lora_weights'],
  // How and by what it was made or run, and defaults of methods that are off.
  ...['auto_mapping', 'inference_mode', 'peft_version', 'megatron_core', 'qalora_group_size', 'runtime_config'],
  ...['eva_config', 'corda_config', 'lora_ga_config', 'loftq_config', 'library_name', 'auto_model_class'],
];

/** Values of other fields that mean "off", whatever the field. */
const OFF: readonly unknown[] = [false, '', 0];

/** Ways to start an adapter that also change the base, so that it fits no other copy of the base. */
const CHANGES_BASE = /^(pissa|olora|corda|loftq|lora_ga)/;

/**
 * Parses adapter_config.json. Damaged or out of range: ToolError 'corrupt'; a sound file of something other than
 * plain LoRA: 'config' that names the field. A field that is not known is refused too, unless it is off.
 */
export function parseAdapterConfig(text: string, file: string = ADAPTER_CONFIG_FILE): AdapterConfig {
  const json = parseStrictJsonObject(file, text, { maxDepth: 16, maxKeys: MAX_NAMES });
  const read = new FieldReader(file, json);
  refuseOtherMethods(read);
  const targets = listOrText(read, 'target_modules');
  if (targets === undefined) throw read.corrupt('target_modules', 'none');
  const exclude = listOrText(read, 'exclude_modules');
  const layers = integers(read, 'layers_to_transform');
  const layersPattern = listOf(read, 'layers_pattern');
  const modulesToSave = listOf(read, 'modules_to_save');
  for (const name of [...(layersPattern ?? []), ...(modulesToSave ?? [])]) {
    if (!/^[\w.]+$/.test(name))
      throw read.unsupported('plain names in layers_pattern and modules_to_save', describeJson(name));
  }
  if (typeof targets === 'string' && layers !== undefined) {
    throw read.corrupt('layers_to_transform with a list of target_modules', 'with a pattern');
  }
  const rankPattern = numbers(read, 'rank_pattern', (reader, key) => reader.integer(key, 1, MAX_RANK));
  const alphaPattern = numbers(read, 'alpha_pattern', (reader, key) => reader.positive(key, 1e9));
  const baseModel = textOf(read, 'base_model_name_or_path');
  const revision = textOf(read, 'revision');
  return {
    rank: read.integer('r', 1, MAX_RANK, 8),
    alpha: read.positive('lora_alpha', 1e9, 8),
    rsLora: read.boolean('use_rslora', false),
    dropout: dropoutOf(read),
    targets,
    ...(exclude === undefined ? {} : { exclude }),
    ...(rankPattern === undefined ? {} : { rankPattern }),
    ...(alphaPattern === undefined ? {} : { alphaPattern }),
    ...(layers === undefined ? {} : { layers }),
    ...(layersPattern === undefined ? {} : { layersPattern }),
    ...(modulesToSave === undefined ? {} : { modulesToSave }),
    ...(baseModel === undefined ? {} : { baseModel }),
    ...(revision === undefined ? {} : { revision }),
  };
}

/** adapter_config.json for `config`, as PEFT writes it: keys sorted, lists of names sorted. */
export function adapterConfigToJson(config: AdapterConfig): Readonly<Record<string, unknown>> {
  const sorted = (rule: readonly string[] | string): readonly string[] | string =>
    typeof rule === 'string' ? rule : [...rule].sort();
  return {
    alpha_pattern: config.alphaPattern ?? {},
    auto_mapping: null,
    base_model_name_or_path: config.baseModel ?? null,
    bias: 'none',
    exclude_modules: config.exclude === undefined ? null : sorted(config.exclude),
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layers_pattern: config.layersPattern ?? null,
    layers_to_transform: config.layers ?? null,
    lora_alpha: config.alpha,
    lora_dropout: config.dropout ?? 0,
    modules_to_save: config.modulesToSave === undefined ? null : sorted(config.modulesToSave),
    peft_type: 'LORA',
    r: config.rank,
    rank_pattern: config.rankPattern ?? {},
    revision: config.revision ?? null,
    target_modules: sorted(config.targets),
    task_type: 'CAUSAL_LM',
    use_dora: false,
    use_rslora: config.rsLora ?? false,
  };
}

function refuseOtherMethods(read: FieldReader): void {
  const hint = 'Only plain LoRA is supported.';
  const refuse = (key: string, expected: string): never => {
    throw read.unsupported(expected, describeJson(read.value(key)), hint);
  };
  if (read.value('peft_type') !== 'LORA') refuse('peft_type', 'peft_type "LORA"');
  if ((read.value('bias') ?? 'none') !== 'none') refuse('bias', 'bias "none"');
  if ((read.value('fan_in_fan_out') ?? false) !== false) refuse('fan_in_fan_out', 'fan_in_fan_out false');
  const start = read.value('init_lora_weights');
  if (typeof start === 'string' && CHANGES_BASE.test(start)) {
    refuse('init_lora_weights', 'an adapter for the base as it was published');
  }
  for (const key of read.keys) {
    const value = read.value(key);
    const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
    if (!KNOWN.includes(key) && !OFF.includes(value) && !isEmpty) refuse(key, `no ${key}`);
  }
}

function dropoutOf(read: FieldReader): number {
  const value = read.value('lora_dropout') ?? 0;
  if (typeof value === 'number' && value >= 0 && value < 1) return value;
  throw read.corrupt('lora_dropout from 0 to under 1', describeJson(value));
}

function textOf(read: FieldReader, key: string): string | undefined {
  const value = read.value(key) ?? '';
  if (typeof value !== 'string' || value.length > 4096) throw read.corrupt(`${key} as a text`, describeJson(value));
  return value === '' ? undefined : value;
}

function listOrText(read: FieldReader, key: string): readonly string[] | string | undefined {
  return typeof read.value(key) === 'string' ? textOf(read, key) : listOf(read, key);
}

/** A list of names; one text counts as a list of it. Undefined where there is none or an empty one. */
function listOf(read: FieldReader, key: string): readonly string[] | undefined {
  const value = read.value(key);
  const items: readonly unknown[] = value === undefined ? [] : Array.isArray(value) ? value : [value];
  if (items.length > MAX_NAMES || !items.every((item) => typeof item === 'string' && item !== '')) {
    throw read.corrupt(`${key} as names`, describeJson(value));
  }
  return items.length === 0 ? undefined : (items as readonly string[]);
}

function integers(read: FieldReader, key: string): readonly number[] | undefined {
  const value = read.value(key);
  const items: readonly unknown[] = value === undefined ? [] : Array.isArray(value) ? value : [value];
  if (items.length > MAX_NAMES || !items.every((item) => Number.isSafeInteger(item) && (item as number) >= 0)) {
    throw read.corrupt(`${key} as numbers of layers`, describeJson(value));
  }
  return items.length === 0 ? undefined : (items as readonly number[]);
}

function numbers(
  read: FieldReader,
  key: string,
  readValue: (reader: FieldReader, key: string) => number,
): Readonly<Record<string, number>> | undefined {
  const reader = read.object(key);
  if (reader === undefined || reader.keys.length === 0) return undefined;
  return Object.fromEntries(reader.keys.map((name) => [name, readValue(reader, name)]));
}
