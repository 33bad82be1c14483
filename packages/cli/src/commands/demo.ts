import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';

/** The demo's rows are 12,800: all of them, and what was logged in training. */
const COMPLETIONS = 20_000;

interface DemoFlags {
  readonly dir: string;
  readonly seed: string;
  readonly tiny?: boolean;
}

/** `dawngrad demo`. */
export function addDemoCommand(program: Command, context: CommandContext): void {
  program
    .command('demo')
    .description('train SFT, GRPO and R-AIRL on a generated reasoning task, evaluate them and write a report')
    .option('--dir <folder>', 'folder of the run', 'demo-run')
    .option('--seed <number>', 'seed of the task and of every random draw', '1')
    .option('--tiny', 'every stage at a size that takes seconds; the results mean nothing')
    .addHelpText('after', '\nExample:\n  $ dawngrad demo --dir /tmp/demo --seed 2')
    .action(async (flags: DemoFlags) => {
      const { seedOf } = await import('../demo/demo-seed.ts');
      const seed = seedOf(flags.seed);
      const [
        { freshDirectory },
        { fullDemo, tinyDemo },
        { demoObjective },
        { runSession },
        { DemoStopped, runDemo },
        report,
        { runReport },
        { runEnvironment },
      ] = await Promise.all([
        import('../run/fresh-directory.ts'),
        import('../demo/demo-settings.ts'),
        import('../demo/demo-objective.ts'),
        import('../run/run-session.ts'),
        import('../demo/run-demo.ts'),
        import('../demo/demo-report.ts'),
        import('../report/run-report.ts'),
        import('../run/environment.ts'),
      ]);
      const settings = flags.tiny === true ? tinyDemo(seed) : fullDemo(seed);
      const dir = freshDirectory(flags.dir);
      const config = { run: { dir, seed }, demo: settings };
      const startedMs = performance.now();
      await runSession(
        { config, resume: false, inputs: [], objective: demoObjective(settings) },
        context,
        async (session) => {
          const outcome = await runDemo(settings, session).catch((error: unknown) => {
            if (error instanceof DemoStopped) return undefined;
            throw error;
          });
          if (outcome === undefined) return;
          const environment = runEnvironment({ adapter: session.device.adapter, seed, dataHashes: {}, argv: [] });
          const summary = report.demoSummary(outcome, settings, {
            command: commandOf(flags.tiny === true, seed),
            adapter: environment.adapter.description,
            driver:
              environment.driver === null
                ? 'chosen by Dawn'
                : `${environment.driver.name}: ${environment.driver.reason}`,
            commit:
              environment.commit === null
                ? 'unknown'
                : `${environment.commit.sha.slice(0, 12)}${environment.commit.isDirty ? ' with local changes' : ''}`,
            wallSeconds: (performance.now() - startedMs) / 1000,
          });
          writeFileSync(join(dir, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
          session.progress.close();
          context.out(`\n${report.demoTables(summary.summary)}\nreport: `);
          await runReport([dir], { completions: COMPLETIONS }, context);
        },
      );
    });
}

/** The command that gives this run again. */
function commandOf(isTiny: boolean, seed: number): string {
  const flags = [...(isTiny ? ['--tiny'] : []), ...(seed === 1 ? [] : [`--seed ${seed}`])];
  return ['npm run demo', ...(flags.length > 0 ? ['--', ...flags] : [])].join(' ');
}
