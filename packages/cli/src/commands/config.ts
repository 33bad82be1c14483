import { Argument, type Command } from 'commander';
import type { ConfigKind } from '../config/schema.ts';
import type { CommandContext } from './command-context.ts';
import { addConfigOptions, type ConfigOptions, notesText, readConfig, readWithOrigins } from './config-options.ts';

interface ExplainOptions extends ConfigOptions {
  readonly json?: boolean;
}

/** As in the schema, which is not loaded for help. */
const KINDS = ['sft', 'grpo', 'irl', 'opsd', 'evaluate'] as const satisfies readonly ConfigKind[];

const kindArgument = () => new Argument('<kind>', 'whose configuration').choices(KINDS);

/** `dawngrad config show|explain|schema`. */
export function addConfigCommand(program: Command, { out, err, plugins }: CommandContext): void {
  const loading = plugins === undefined ? {} : { plugins };
  const config = program
    .command('config')
    .description('print configurations: every key, where values come from, JSON Schema');
  addConfigOptions(config.command('show').addArgument(kindArgument()))
    .description('print the configuration that a command line gives, with help for every key, as YAML')
    .addHelpText('after', '\nExample:\n  $ dawngrad config show irl reward.granularity=interval > irl.yaml')
    .action(async (kind: ConfigKind, overrides: string[], options: ConfigOptions) => {
      const { configText } = await import('../config/config-text.ts');
      out(configText(kind, await readConfig(kind, overrides, options, { needsInputs: false, err, ...loading })));
    });
  addConfigOptions(
    config
      .command('explain')
      .addArgument(new Argument('<what>', `a configuration file, or ${KINDS.join(', ')} for the defaults`)),
  )
    .description('print the configuration that a command line gives, with the origin of every value, as YAML')
    .option('--json', 'print a JSON list: key, value, from, writtenAs, reference, safe')
    .addHelpText(
      'after',
      `
An origin is \`default\`, a line of a file or of one of its parts, or what was typed. Names of the method's reference
code are taken as well; a note on standard error says what each became.

Examples:
  $ dawngrad config explain configs/math/qwen7b/irl_train.yaml
  $ dawngrad config explain configs/math/qwen7b/irl_train.yaml model.dense_rewards=partial_fixed --json
  $ dawngrad config explain irl --config-path configs/math/qwen7b --config-name irl_train`,
    )
    .action(async (what: string, overrides: string[], options: ExplainOptions) => {
      const [{ explainConfig, explainText }, { kindOfFile }] = await Promise.all([
        import('../config/explain-config.ts'),
        import('../config/kind-of-file.ts'),
      ]);
      const known = KINDS.find((kind) => kind === what);
      const kind = known ?? kindOfFile(what, 'config explain');
      const files = known === undefined ? { ...options, config: what } : options;
      const resolved = await readWithOrigins(kind, overrides, files, { needsInputs: false, plugins });
      err(notesText(resolved.notes));
      const fields = explainConfig(kind, resolved);
      out(options.json === true ? `${JSON.stringify(fields, null, 2)}\n` : explainText(kind, fields));
    });
  config
    .command('schema')
    .addArgument(kindArgument())
    .description('print the JSON Schema of a configuration, for editors')
    .addHelpText('after', '\nExample:\n  $ dawngrad config schema sft > sft.schema.json')
    .action(async (kind: ConfigKind) => {
      const { configSchema } = await import('../config/config-schema.ts');
      out(`${JSON.stringify(configSchema(kind), null, 2)}\n`);
    });
}
