import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { ConfigError, type ConfigFault } from '../config/config-error.ts';
import { removeAt } from '../config/plain-object.ts';
import { readConfigFile } from '../config/read-config-file.ts';
import { type ConfigSources, configuredPlugins, resolveWithOrigins } from '../config/resolve-config.ts';
import type { ConfigKind } from '../config/schema.ts';
import { leaves } from '../config/setting.ts';
import { dawngradVersion } from '../package-info.ts';
import type { Plugins } from '../plugins/plugins.ts';
import { takePlugins } from '../plugins/take-plugins.ts';
import { gitState } from '../run/environment.ts';
import { expandStages, labelOf, type StageInstance } from './expand-stages.ts';
import { InputHashes } from './input-hash.ts';
import { fillPlaceholders, type Placeholder } from './placeholders.ts';
import { direct, stageGraph } from './stage-graph.ts';
import { OUT, RUN, readManifest, type StageManifest } from './stage-manifest.ts';
import { argumentFault, configKindOf, needsAdapter, splitVerb } from './stage-verb.ts';
import { besideSweep, readSweepFile, type SweepFile } from './sweep-file.ts';

/** A job of a sweep with its place; its folder need not be there yet. */
export interface PlannedStage {
  readonly folder: string;
  readonly manifest: StageManifest;
}

export interface SweepPlan {
  readonly file: SweepFile;
  /** Each after those that it depends on. */
  readonly stages: readonly PlannedStage[];
  /** Paths that stages read and that are not there: `policy.model=models/base`, with the labels of the stages. */
  readonly missing: ReadonlyMap<string, readonly string[]>;
}

const STAGES = 'stages';
const HASH_CHARACTERS = 12;
const MOST_NAME = 60;
/** Where a run lies and what it is called changes nothing of its results. */
const NO_MATTER = ['run.dir', 'run.name', 'run.resume'];
/** Keys and options that name what a stage reads. */
const MODELS = ['policy.model', 'critic.model', '--model', '--critic', '--adapter'];
const PLUGINS = 'run.plugins';
const FILES = [
  'data.path',
  'eval.input',
  'warmup.load_from',
  '--data',
  '--input',
  '--annotations',
  '--config',
  '--plugin',
  PLUGINS,
];

/**
 * Reads a sweep file and resolves every stage. Nothing is written. Throws ConfigError with all mistakes that it has.
 *
 * @param program the commands, whose options are checked
 * @param plugins loads those that configurations name; its own are those of every stage
 */
export async function planSweep(
  path: string,
  program: Command,
  folder?: string,
  plugins?: Plugins,
): Promise<SweepPlan> {
  const file = readSweepFile(path, folder);
  const instances = expandStages(file, stageGraph(file));
  const hashes = new InputHashes();
  const git = gitState();
  // `+`: tracked files differ from the commit.
  const commit = git === null ? null : `${git.sha}${git.isDirty ? '+' : ''}`;
  const faults = new Map<string, ConfigFault>();
  const planned = new Map<StageInstance, PlannedStage>();
  const byHash = new Map<string, PlannedStage>();
  const missing = new Map<string, string[]>();
  const existing = existsSync(join(file.folder, STAGES)) ? readdirSync(join(file.folder, STAGES)) : [];
  for (const instance of instances) {
    // What needs a stage with a mistake is not looked at: its own mistakes show once that one is put right.
    if ([...instance.inputs.values()].flat().some((input) => !planned.has(input))) continue;
    try {
      const stage = await planStage(instance);
      // Two stages that would do the same are one.
      const same = byHash.get(stage.manifest.hash);
      planned.set(instance, same ?? stage);
      byHash.set(stage.manifest.hash, same ?? stage);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      for (const fault of error.faults) faults.set(JSON.stringify(fault), fault);
    }
  }
  if (faults.size > 0) throw new ConfigError(path, [...faults.values()]);
  return { file, stages: [...byHash.values()], missing };

  async function planStage(instance: StageInstance): Promise<PlannedStage> {
    const { stage, values, inputs } = instance;
    const { name, spec } = stage;
    const label = labelOf(name, values);
    const fault = (key: string, message: string): ConfigError =>
      new ConfigError(path, [
        { place: `${path}:${file.lineOf(['stages', name, key])}`, key: `stages.${name}.${key}`, message },
      ]);
    /** Before the hash is known, and with it the folder, `${here.run}` stands for itself. */
    const lookup =
      (own: string) =>
      ({ space, name: word, part }: Placeholder): unknown => {
        if (space === 'axes') return values[word];
        if (space === 'sweep') return file.folder;
        if (space === 'here') return word === 'run' ? join(own, RUN) : word === 'out' ? join(own, OUT) : own;
        const taken = inputs.get(space === 'stages' ? direct(word) : word) ?? [];
        const texts = taken.map((input) =>
          part !== undefined && part in input.values ? input.values[part] : partOf(planned.get(input), part),
        );
        return texts.length === 1 ? texts[0] : texts;
      };
    const fill = (value: unknown, own: string): unknown => fillPlaceholders(value, lookup(own));

    const { verb, rest } = (() => {
      try {
        return splitVerb(program, String(fill(spec.run, '<here>')).trim().split(/\s+/));
      } catch (error) {
        throw fault('run', (error as Error).message);
      }
    })();
    const kind = configKindOf(verb);
    if (kind === undefined && (spec.config !== undefined || Object.keys(spec.set).length > 0)) {
      throw fault(spec.config === undefined ? 'set' : 'config', `${verb.join(' ')} takes no configuration, only args.`);
    }
    const env = { ...file.env, ...spec.env };
    const filledEnv = Object.fromEntries(
      Object.entries(env).map(([key, value]) => [key, String(fill(value, '<here>'))]),
    );
    const argsIn = (own: string): string[] => [
      ...rest,
      ...spec.args.flatMap((arg) => expandArg(arg, lookup(own))),
      // A configuration names its plugins itself.
      ...(kind === undefined ? (plugins?.named ?? []).flatMap((file) => ['--plugin', file]) : []),
    ];
    const wrongArgs = argumentFault(program, verb, takePlugins(argsIn('<here>')).rest);
    if (wrongArgs !== undefined) throw fault('args', wrongArgs);

    const configPath =
      spec.config === undefined ? undefined : besideSweep(file, String(fill(spec.config, '<here>')), existsSync);
    const setIn = (own: string): string[] =>
      Object.entries(spec.set).map(([key, value]) => `${key}=${overrideText(fill(value, own))}`);
    const loaded = kind === undefined ? [] : await loadPlugins(kind);
    const overridesIn = (own: string): string[] => [
      ...setIn(own),
      ...(plugins === undefined || plugins.named.length === 0 ? [] : [`${PLUGINS}=${JSON.stringify(loaded)}`]),
    ];
    const config = kind === undefined ? null : resolve();
    const isOurs = (text: string): boolean => text.startsWith('<here>') || text.includes(join(file.folder, STAGES));
    const read: Record<string, string> = {};
    for (const { key, text } of textsOf(config, argsIn('<here>'))) {
      if (isOurs(text)) continue;
      const hash =
        MODELS.includes(key) || FILES.includes(key) || /[./\\]/.test(text) ? await hashes.of(text) : undefined;
      if (hash !== undefined) read[text] = hash;
      else if (isMissing(key, text)) {
        const place = `${key}${key.startsWith('-') ? ' ' : '='}${text}`;
        missing.set(place, [...(missing.get(place) ?? []), label]);
      }
    }

    const identity = {
      verb,
      config: withoutNames(config),
      args: argsIn('<here>'),
      env: filledEnv,
      inputs: read,
      after: spec.after.flatMap((other) => idsOf(inputs.get(direct(other)))),
      code: file.code === 'none' ? null : file.code === 'commit' ? commit : dawngradVersion(),
    };
    // A sweep that is moved is the same.
    const text = JSON.stringify(identity).replaceAll(JSON.stringify(file.folder).slice(1, -1), '<sweep>');
    const hash = createHash('sha256').update(text).digest('hex');
    const short = hash.slice(0, HASH_CHARACTERS);
    const words = [name, ...Object.values(values)]
      .join('-')
      .replace(/[^\w.-]+/g, '_')
      .slice(0, MOST_NAME);
    // A stage may have been renamed since.
    const id = existing.find((folder) => folder.endsWith(`-${short}`)) ?? `${words}-${short}`;
    const folder = join(file.folder, STAGES, id);
    const slurm = { ...file.slurm, ...spec.slurm };
    const manifest: StageManifest = {
      schema: 1,
      id,
      stage: name,
      label,
      values,
      hash,
      verb,
      args: [
        ...verb,
        ...(configPath === undefined ? [] : ['--config', configPath]),
        ...argsIn(folder),
        ...overridesIn(folder),
        ...(kind === undefined ? [] : [`run.dir=${JSON.stringify(join(folder, RUN))}`]),
        ...(verb[0] === 'train' ? ['run.resume=auto'] : []),
      ],
      workingFolder: process.cwd(),
      env: filledEnv,
      needsAdapter: needsAdapter(verb),
      leastFreeBytes: file.leastFreeBytes,
      config: withoutNames(config),
      inputs: read,
      dependsOn: [...new Set([...inputs.values()].flatMap(idsOf))],
      code: { version: dawngradVersion(), commit },
      slurm,
      state: 'waiting',
      attempts: [],
    };
    const before = readManifest(folder);
    const { state, attempts, error } = before ?? manifest;
    return {
      folder,
      // A stage that is done keeps what it was done with.
      manifest:
        before?.state === 'done' ? before : { ...manifest, state, attempts, ...(error === undefined ? {} : { error }) },
    };

    function sourcesOf(overrides: readonly string[]): ConfigSources {
      return {
        ...(configPath === undefined ? {} : { file: readConfigFile(configPath) }),
        overrides,
        env: { ...process.env, ...filledEnv },
      };
    }

    async function loadPlugins(of: ConfigKind): Promise<string[]> {
      let paths: string[];
      try {
        paths = configuredPlugins(of, sourcesOf(setIn('<here>')));
      } catch {
        // `resolve` says what is wrong, and where.
        return [];
      }
      try {
        return (await plugins?.load(paths)) ?? paths;
      } catch (error) {
        throw fault('set', error instanceof Error ? error.message : String(error));
      }
    }

    function resolve(): unknown {
      try {
        return resolveWithOrigins(kind as NonNullable<typeof kind>, sourcesOf(overridesIn('<here>'))).config;
      } catch (error) {
        if (error instanceof ConfigError) {
          const typed = overridesIn('<here>');
          const lineOf = (key: string): number => file.lineOf(['stages', name, 'set', key]);
          throw new ConfigError(
            path,
            error.faults.map((one) => ({
              ...one,
              // What the sweep file says has its place there.
              place: configPath === undefined || typed.includes(one.place) ? `${path}:${lineOf(one.key)}` : one.place,
              message: `${one.message} (stage ${name})`,
            })),
          );
        }
        throw fault(
          spec.config === undefined ? 'set' : 'config',
          error instanceof Error ? error.message : String(error),
        );
      }
    }
  }

  function idsOf(taken: readonly StageInstance[] | undefined): string[] {
    return (taken ?? []).map((input) => (planned.get(input) as PlannedStage).manifest.id);
  }
}

function partOf(stage: PlannedStage | undefined, part: string | undefined): string {
  const { folder } = stage as PlannedStage;
  return part === 'run' ? join(folder, RUN) : part === 'out' ? join(folder, OUT) : folder;
}

/** A text with gathered stages in it becomes one text for each. */
function expandArg(arg: string, lookup: (placeholder: Placeholder) => unknown): string[] {
  let count = 1;
  fillPlaceholders(arg, (placeholder) => {
    const value = lookup(placeholder);
    if (Array.isArray(value)) count = value.length;
    return '';
  });
  return Array.from({ length: count }, (_, i) =>
    String(
      fillPlaceholders(arg, (placeholder) => {
        const value = lookup(placeholder);
        return Array.isArray(value) ? value[i] : value;
      }),
    ),
  );
}

/** JSON is YAML, so that a text stays one; a text with a name in it is left to the configuration to fill. */
function overrideText(value: unknown): string {
  return JSON.stringify(value);
}

function withoutNames(config: unknown): unknown {
  const copy: unknown = structuredClone(config);
  for (const key of NO_MATTER) removeAt(copy, key.split('.'));
  return copy;
}

/** The texts of a configuration by their keys, and the values of options. */
function textsOf(config: unknown, args: readonly string[]): { readonly key: string; readonly text: string }[] {
  const ofConfig = leaves([], withoutNames(config)).flatMap(({ path, value }) => {
    const key = path.join('.');
    if (key === PLUGINS) return (value as readonly string[]).map((text) => ({ key, text }));
    return typeof value === 'string' ? [{ key, text: value }] : [];
  });
  return [...ofConfig, ...args.map((text, i) => ({ key: args[i - 1] ?? '', text }))];
}

/** Whether a text must name something on this disk that is not there. */
function isMissing(key: string, text: string): boolean {
  if (FILES.includes(key)) return !/^(?:hf:\/\/)?datasets\/[^/]+\/./.test(text);
  return MODELS.includes(key) && !/^(?:hf:\/\/)?[\w.-]+\/[\w.-]+(?:@[\w./-]+)?$/.test(text);
}
