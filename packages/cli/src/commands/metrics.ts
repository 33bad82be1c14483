import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';

interface MetricsOptions {
  readonly json?: boolean;
  readonly markdown?: boolean;
}

/** `dawngrad metrics [KEY...]`. */
export function addMetricsCommand(program: Command, { out }: CommandContext): void {
  program
    .command('metrics')
    .argument('[keys...]', 'keys of metrics.jsonl, or their first part such as disc; all where none is given')
    .description('tell what metrics mean, where they are in a sound run and what to do otherwise')
    .option('--json', 'print them as JSON')
    .option('--markdown', 'print them as a page')
    .addHelpText('after', '\nExample:\n  $ dawngrad metrics disc/acc kl')
    .action(async (keys: string[], { json, markdown }: MetricsOptions) => {
      const [{ selectMetrics }, { metricsMarkdown, metricsText }] = await Promise.all([
        import('../metrics/select-metrics.ts'),
        import('../metrics/metrics-text.ts'),
      ]);
      const metrics = selectMetrics(keys);
      if (json) out(`${JSON.stringify(metrics, null, 2)}\n`);
      else out(markdown ? metricsMarkdown(metrics) : metricsText(metrics));
    });
}
