import type { CommandContext } from '../commands/command-context.ts';
import { startStage } from './run-stage.ts';
import { ownCommand } from './run-sweep.ts';

/** `dawngrad sweep stage FOLDER`: one stage, as a job of a cluster runs it. */
export async function runStageJob(folder: string, { exitWith }: CommandContext): Promise<void> {
  const { DAWNGRAD_SWEEP_JOB: job, DAWNGRAD_SWEEP_GRACE_S: grace } = process.env;
  const stage = startStage(folder, {
    command: ownCommand(),
    ...(job === undefined ? {} : { job }),
    ...(grace === undefined ? {} : { graceS: Number(grace) }),
  });
  const listener = (signal: NodeJS.Signals): void => stage.signal(signal);
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, listener);
  try {
    exitWith(await stage.ended);
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, listener);
  }
}
