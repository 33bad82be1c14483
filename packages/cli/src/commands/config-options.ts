import type { Command } from 'commander';
import type { Config, ConfigKind } from '../config/schema.ts';

/** What a command line says about the configuration. */
export interface ConfigOptions {
  readonly config?: string;
  readonly data?: string;
  readonly model?: string;
  readonly critic?: string;
}

/** Options that stand for a key, as they are typed most. */
const SHORTHANDS = { data: 'data.path', model: 'policy.model', critic: 'critic.model' } as const;

/** Gives a command the arguments that `readConfig` reads. */
export function addConfigOptions(command: Command): Command {
  return command
    .argument('[overrides...]', 'values that come before those of the file, as section.key=value')
    .option('--config <file>', 'YAML file; `dawngrad config show` prints one with all keys')
    .option('--data <file>', `rows in JSONL; short for ${SHORTHANDS.data}=<file>`)
    .option(
      '--model <model>',
      `folder in Hugging Face layout, or owner/name[@revision] on the hub; short for ${SHORTHANDS.model}=<model>`,
    );
}

/** The configuration of a command line. Throws ToolError 'config' with all mistakes, or 'usage'. */
export async function readConfig<Kind extends ConfigKind>(
  kind: Kind,
  overrides: readonly string[],
  options: ConfigOptions,
  needsInputs = true,
): Promise<Config<Kind>> {
  const [{ readConfigFile }, { resolveConfig }] = await Promise.all([
    import('../config/read-config-file.ts'),
    import('../config/resolve-config.ts'),
  ]);
  const shorthands = (['data', 'model', 'critic'] as const).flatMap((name) => {
    const value = options[name];
    // Quoted, since a path may look like a number or a list.
    return value === undefined ? [] : [`${SHORTHANDS[name]}=${JSON.stringify(value)}`];
  });
  return resolveConfig(kind, {
    ...(options.config === undefined ? {} : { file: readConfigFile(options.config) }),
    overrides: [...shorthands, ...overrides],
    needsInputs,
  });
}
