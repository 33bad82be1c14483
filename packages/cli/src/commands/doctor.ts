import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';

/** `dawngrad doctor`. */
export function addDoctorCommand(program: Command, { out, exitWith }: CommandContext): void {
  program
    .command('doctor')
    .description('check whether this machine can train: Node, Dawn, adapter, driver, self-test, disk')
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      '\nExit code 0: training can run. 1: it cannot; the report says why.\n\nExample:\n  $ dawngrad doctor --json',
    )
    .action(async ({ json }: { json?: boolean }) => {
      const [{ diagnose }, { diagnosisText }] = await Promise.all([
        import('../doctor/diagnose.ts'),
        import('../doctor/diagnosis-text.ts'),
      ]);
      const diagnosis = await diagnose(process.cwd());
      out(json === true ? `${JSON.stringify(diagnosis, null, 2)}\n` : diagnosisText(diagnosis));
      exitWith(diagnosis.canTrain ? 0 : 1);
    });
}
