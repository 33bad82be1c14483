import { join } from 'node:path';
import { type ErrorCode, ToolError } from '@dawngrad/tensor';
import type { CommandContext } from '../commands/command-context.ts';
import { runEnvironment } from '../run/environment.ts';
import { RunDirectory } from '../run/run-directory.ts';
import { type RunSession, runSession } from '../run/run-session.ts';
import { duration } from '../ui/progress-line.ts';
import { dryRunText } from './dry-run.ts';
import type { StudyPart } from './part.ts';
import { partKey } from './part-key.ts';
import { PartReporter } from './part-reporter.ts';
import { type PartRecord, PartStore } from './part-store.ts';
import { StudyEta } from './study-eta.ts';
import { adoptParts, checkFolder } from './study-folder.ts';
import { studyObjective } from './study-objective.ts';
import { planStudy, type StudyPlan, TRAINING_KINDS } from './study-plan.ts';
import { StudyReporter } from './study-reporter.ts';
import type { StudySettings } from './study-settings.ts';

/** In the folder of a part: what it noted. */
const LOG = 'log.txt';

export interface StudyRequest {
  readonly dir: string;
  readonly settings: StudySettings;
  /** Only the parts that train, or only the report of what is measured; else everything. */
  readonly only?: 'train' | 'report';
  readonly dryRun: boolean;
  /** What makes the study again, for its report. */
  readonly command: string;
}

/** `dawngrad study`: does what is not done yet of a study, part by part, and writes its report. */
export async function runStudy(request: StudyRequest, context: CommandContext): Promise<void> {
  const { dir, settings, only, dryRun, command } = request;
  const plan = planStudy(settings);
  checkFolder(dir);
  const store = new PartStore(dir);
  const wanted = (all: StudyPlan): readonly StudyPart[] =>
    all.parts.filter(({ kind }) => only === undefined || (only === 'train' && TRAINING_KINDS.includes(kind)));
  const parts = wanted(plan);
  if (dryRun) {
    context.out(dryRunText(dir, only === 'report' ? plan.parts : parts, store));
    return;
  }
  const report = new StudyReporter(dir, settings, store, command);
  // Where all is done, the report may be new; that takes no device.
  if (parts.some((part) => store.recordOf(part) === undefined)) {
    const isDone = await runLeft(dir, plan, wanted, store, report, context);
    if (!isDone) return;
  }
  const written = await report.write();
  if (written !== undefined) context.out(`\n${written.text}`);
  if (report.damages.length > 0) throw damagedParts(report, context);
  if (written !== undefined) return;
  if (only === 'report') throw nothingMeasured(dir);
  context.out(`${parts.length} parts are done in ${dir}; without --only, the same command goes on with the others\n`);
}

/** Tells of each seed that is not in the report since a file of a finished part is damaged. */
function damagedParts({ damages }: StudyReporter, context: CommandContext): ToolError {
  context.err(`${damages.join('\n')}\n`);
  return new ToolError('corrupt', {
    op: 'study',
    expected: 'whole files of the finished parts',
    got: `damaged ones of ${damages.length === 1 ? 'a seed' : `${damages.length} seeds`}`,
    hint: 'remove the folders that are named above; the same command does those parts again.',
  });
}

function nothingMeasured(dir: string): ToolError {
  return new ToolError('config', {
    op: `--only report --dir ${dir}`,
    expected: 'a study with a seed of which all is measured',
    got: 'none yet',
    hint: 'the same command without --only goes on with it; --dry-run tells what is done.',
  });
}

/** Does the parts that are left in a session; false where it was asked to stop before the last one. */
async function runLeft(
  dir: string,
  plan: StudyPlan,
  wanted: (all: StudyPlan) => readonly StudyPart[],
  store: PartStore,
  report: StudyReporter,
  context: CommandContext,
): Promise<boolean> {
  const config = { run: { dir, seed: plan.settings.seeds[0] as number }, study: plan.settings };
  adoptParts(dir, config);
  const session = {
    config,
    resume: RunDirectory.holdsRun(dir),
    // A part whose settings changed is another part: the folder may hold those of many studies.
    rules: { isSafe: () => true, presetOf: () => undefined },
    inputs: [],
    objective: studyObjective(plan),
  };
  let isDone = false;
  await runSession(session, context, async (opened) => {
    isDone = await runParts(plan, wanted, store, opened, report);
  });
  return isDone;
}

/**
 * Does the parts that are not done; false where it was asked to stop before the last one. A part that fails leaves out
 * those that need it, and the others are done all the same; then throws ToolError 'failed'. The seed of a training that
 * failed is measured without that arm.
 */
async function runParts(
  plan: StudyPlan,
  wanted: (all: StudyPlan) => readonly StudyPart[],
  store: PartStore,
  session: Pick<RunSession, 'device' | 'progress' | 'stop'>,
  report: StudyReporter,
): Promise<boolean> {
  const { device, progress, stop } = session;
  let parts = wanted(plan);
  const records = parts.flatMap((part) => store.recordOf(part) ?? []);
  const eta = new StudyEta(device.adapter.isSoftware ? 'cpu' : 'gpu', records);
  let left = parts.filter((part) => store.recordOf(part) === undefined);
  const secondsLeft = (): string => duration(left.reduce((sum, part) => sum + eta.secondsOf(part), 0));
  const failed: { readonly name: string; readonly part: StudyPart }[] = [];
  const failures = new Map<string, string>();
  progress.note(`${parts.length} parts, ${records.length} of them done; about ${secondsLeft()} for the others`);
  for (let part = left[0]; part !== undefined; part = left[0]) {
    if (stop.isRequested) return false;
    const name = [`seed ${part.seed}`, ...(part.setting === null ? [] : [part.setting]), part.label].join(' ');
    const place = `[${parts.length - left.length + 1}/${parts.length}] ${name}`;
    left = left.slice(1);
    const record = await runPart(part, store, session, place).catch((error: unknown) => {
      if (error instanceof ToolError && FAULTS_OF_A_PART.includes(error.code)) return error;
      throw error;
    });
    progress.close();
    if (record === undefined) {
      progress.note(`stopped in ${name}; the same command goes on from there`);
      return false;
    }
    if (record instanceof ToolError) {
      failed.push({ name, part });
      if (record.code === 'failed' && TRAINING_KINDS.includes(part.kind)) {
        const message = messageOf(record);
        store.fail(part, message);
        failures.set(partKey(part), message);
        parts = wanted(planStudy(plan.settings, (one) => failures.get(partKey(one))));
      }
      const before = left.length;
      left = parts.filter(
        (one) => store.recordOf(one) === undefined && !failed.some((other) => needs(one, other.part)),
      );
      const fewer = Math.max(0, before - left.length);
      progress.note(`${place}: FAILED: ${record.message}; ${fewer} parts that need it are left out`);
      continue;
    }
    eta.add(record);
    const rest = left.length === 0 ? 'nothing left' : `about ${secondsLeft()} left`;
    const { warnings } = record;
    const warned = warnings === 0 ? '' : `; ${warnings} ${warnings === 1 ? 'warning' : 'warnings'} in its ${LOG}`;
    progress.note(`${place}: ${record.headline} (${duration(record.wallSeconds)}${warned}; ${rest})`);
    if (report.isDue && left.length > 0) {
      const written = await report.write();
      if (written !== undefined) progress.note(`report of ${written.seeds} so far: ${report.path}`);
    }
  }
  if (failed.length === 0) return true;
  const written = await report.write();
  if (written !== undefined) progress.note(`report of ${written.seeds}: ${report.path}`);
  for (const damage of report.damages) progress.note(damage);
  throw new ToolError('failed', {
    op: 'study',
    expected: 'parts that all end well',
    got: `${failed.length} that failed: ${failed.map(({ name }) => name).join('; ')}`,
    hint: 'their messages are above; the same command tries them again. A seed is in the report once all of its parts are done, but for those of an arm whose training failed.',
  });
}

/** What is wrong with one part need not be with others; a full disk or a lost device is. */
const FAULTS_OF_A_PART: readonly ErrorCode[] = ['failed', 'corrupt'];

/** Whether a part is another, or made from it, directly or not. */
function needs(part: StudyPart, other: StudyPart): boolean {
  return partKey(part) === partKey(other) || Object.values(part.inputs).some((input) => needs(input, other));
}

/** Without what a user could do about it. */
function messageOf({ detail: { op, expected, got } }: ToolError): string {
  return `${op}: expected ${expected}, got ${got}`;
}

/** Does one part; undefined where it was asked to stop, and then the part's folder holds what it goes on from. */
async function runPart(
  part: StudyPart,
  store: PartStore,
  { device, progress, stop }: Pick<RunSession, 'device' | 'progress' | 'stop'>,
  name: string,
): Promise<PartRecord | undefined> {
  const startedMs = performance.now();
  const { folder, spent } = store.begin(part);
  const inputs = Object.entries(part.inputs);
  const reporter = new PartReporter(progress, name, join(folder, LOG));
  const outcome = await part.run({
    device,
    folder,
    inputs: Object.fromEntries(inputs.map(([input, one]) => [input, store.finished(one)])),
    progress: reporter,
    shouldStop: () => stop.isRequested,
  });
  const total = { ...spent, wallSeconds: spent.wallSeconds + (performance.now() - startedMs) / 1000 };
  if (outcome.status === 'stopped') {
    store.pause(folder, total);
    return undefined;
  }
  const environment = runEnvironment({ adapter: device.adapter, seed: part.seed, dataHashes: {}, argv: [] });
  const { commit, driver } = environment;
  const record: PartRecord = {
    schema: 1,
    key: partKey(part),
    kind: part.kind,
    label: part.label,
    seed: part.seed,
    setting: part.setting,
    settings: part.settings,
    inputs: Object.fromEntries(inputs.map(([input, one]) => [input, PartStore.nameOf(one)])),
    commit: commit === null ? null : `${commit.sha}${commit.isDirty ? '+' : ''}`,
    adapter: device.adapter.description,
    driver: driver === null ? 'chosen by Dawn' : `${driver.name}: ${driver.reason}`,
    ...total,
    finishedAt: new Date().toISOString(),
    flops: part.cost.flops,
    tokens: part.cost.tokens,
    result: outcome.result,
    headline: outcome.headline,
    warnings: reporter.warnings,
  };
  store.finish(part, folder, record);
  return record;
}
