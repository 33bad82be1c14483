import { Argument, type Command } from 'commander';
import type { ConfigKind } from '../config/schema.ts';
import type { CommandContext } from './command-context.ts';
import { addConfigOptions, type ConfigOptions, readConfig } from './config-options.ts';

/** As in the schema, which is not loaded for help. */
const KINDS = ['sft', 'grpo', 'irl', 'evaluate'] as const satisfies readonly ConfigKind[];

const kindArgument = () => new Argument('<kind>', 'whose configuration').choices(KINDS);

/** `dawngrad config show|schema`. */
export function addConfigCommand(program: Command, { out }: CommandContext): void {
  const config = program.command('config').description('print configurations: every key, resolved values, JSON Schema');
  addConfigOptions(config.command('show').addArgument(kindArgument()))
    .description('print the configuration that a command line gives, with help for every key, as YAML')
    .addHelpText('after', '\nExample:\n  $ dawngrad config show irl reward.granularity=interval > irl.yaml')
    .action(async (kind: ConfigKind, overrides: string[], options: ConfigOptions) => {
      const { configText } = await import('../config/config-text.ts');
      out(configText(kind, await readConfig(kind, overrides, options, false)));
    });
  config
    .command('schema')
    .addArgument(kindArgument())
    .description('print the JSON Schema of a configuration, for editors')
    .addHelpText('after', '\nExample:\n  $ dawngrad config schema sft > sft.schema.json')
    .action(async (kind: ConfigKind) => {
      const [{ z }, { SCHEMAS }] = await Promise.all([import('zod'), import('../config/schema.ts')]);
      out(`${JSON.stringify(z.toJSONSchema(SCHEMAS[kind], { io: 'input' }), null, 2)}\n`);
    });
}
