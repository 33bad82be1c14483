import { join } from 'node:path';
import { type Command, Option } from 'commander';
import type { ConfigSources, ResolvedConfig } from '../config/resolve-config.ts';
import type { Config, ConfigKind } from '../config/schema.ts';
import type { CommandContext } from './command-context.ts';

/** What a command line says about the configuration. */
export interface ConfigOptions {
  readonly config?: string;
  readonly configPath?: string;
  readonly configName?: string;
  readonly dropDeadKeys?: boolean;
  readonly data?: string;
  readonly model?: string;
  readonly critic?: string;
}

/** Options that stand for a key, as they are typed most. */
const SHORTHANDS = { data: 'data.path', model: 'policy.model', critic: 'critic.model' } as const;

/** Where the commands of the reference code look for `--config-name`, unless they say. */
const DEFAULT_CONFIG_PATH = 'configs';

/** Gives a command the arguments that `readConfig` reads. */
export function addConfigOptions(command: Command): Command {
  return command
    .argument('[overrides...]', 'values that come before those of the file, as section.key=value')
    .option('--config <file>', 'YAML file; `dawngrad config show` prints one with all keys')
    .addOption(new Option('--config-path <folder>', 'folder of --config-name').conflicts('config'))
    .addOption(
      new Option('--config-name <name>', 'file in --config-path, without .yaml, as Hydra takes it').conflicts('config'),
    )
    .option('--drop-dead-keys', 'leave out keys of the reference code that do nothing, instead of refusing them')
    .option('--data <file>', `rows in JSONL; short for ${SHORTHANDS.data}=<file>`)
    .option(
      '--model <model>',
      `folder in Hugging Face layout, or owner/name[@revision] on the hub; short for ${SHORTHANDS.model}=<model>`,
    );
}

export interface ReadConfigOptions {
  /** Whether the files that the run works on must be named. Default true. */
  readonly needsInputs?: boolean;
  /** Prints what became of names of the reference code; default silent. */
  readonly err?: CommandContext['err'];
  /** Loads the plugins that the configuration names. */
  readonly plugins?: CommandContext['plugins'];
}

/** The configuration of a command line. Throws ToolError 'config' with all mistakes, or 'usage'. */
export async function readConfig<Kind extends ConfigKind>(
  kind: Kind,
  overrides: readonly string[],
  options: ConfigOptions,
  { needsInputs = true, err, plugins }: ReadConfigOptions = {},
): Promise<Config<Kind>> {
  const { config, notes } = await readWithOrigins(kind, overrides, options, { needsInputs, plugins });
  err?.(notesText(notes));
  return config;
}

/** What became of names of the reference code, for standard error; empty for none. */
export function notesText(notes: readonly string[]): string {
  const lines = notes.map((note) => `  ${note}\n`);
  return lines.length === 0 ? '' : `note: names of the reference code are taken as\n${lines.join('')}`;
}

/** As `readConfig`, and where each value comes from. */
export async function readWithOrigins<Kind extends ConfigKind>(
  kind: Kind,
  overrides: readonly string[],
  options: ConfigOptions,
  { needsInputs, plugins }: { readonly needsInputs: boolean; readonly plugins: CommandContext['plugins'] },
): Promise<ResolvedConfig<Kind>> {
  const { configuredPlugins, resolveWithOrigins } = await import('../config/resolve-config.ts');
  const shorthands = (['data', 'model', 'critic'] as const).flatMap((name) => {
    const value = options[name];
    // Quoted, since a path may look like a number or a list.
    return value === undefined ? [] : [`${SHORTHANDS[name]}=${JSON.stringify(value)}`];
  });
  const file = await configFile(options);
  const sources = {
    ...(file === undefined ? {} : { file }),
    overrides: [...shorthands, ...overrides],
    needsInputs,
    dropDead: options.dropDeadKeys ?? false,
  };
  if (plugins === undefined) return resolveWithOrigins(kind, sources);
  const paths = await plugins.load(configuredPlugins(kind, sources));
  const named = plugins.named.length === 0 ? [] : [`run.plugins=${JSON.stringify(paths)}`];
  return resolveWithOrigins(kind, { ...sources, overrides: [...sources.overrides, ...named] });
}

async function configFile({ config, configPath, configName }: ConfigOptions): Promise<ConfigSources['file']> {
  if (config === undefined && configName === undefined && configPath === undefined) return undefined;
  const [{ readConfigFile }, { ToolError }] = await Promise.all([
    import('../config/read-config-file.ts'),
    import('@dawngrad/tensor'),
  ]);
  if (config !== undefined) return readConfigFile(config);
  if (configName === undefined) {
    throw new ToolError('usage', { op: '--config-path', expected: '--config-name with it', got: 'none' });
  }
  const name = /\.ya?ml$/.test(configName) ? configName : `${configName}.yaml`;
  return readConfigFile(join(configPath ?? DEFAULT_CONFIG_PATH, name));
}
