import { measureRun, type PlannedAdapter, type PlannedRun, type RunMeasure } from '@dawngrad/airl';
import { parameterCount } from '@dawngrad/models';
import { ToolError } from '@dawngrad/tensor';
import type { CommandContext } from '../commands/command-context.ts';
import { type ConfigOptions, readConfig } from '../commands/config-options.ts';
import { kindOfFile } from '../config/kind-of-file.ts';
import { CONFIG_KINDS } from '../config/schema.ts';
import { largestMicroBatch, updatesPeak } from './fit.ts';
import { chooseKnobs, knobsFor } from './knobs.ts';
import { type Plan, type PlanKnob, UNKNOWNS } from './plan.ts';
import { planText } from './plan-text.ts';
import { type PlannedConfig, planModels, plannedRun } from './planned-run.ts';

export interface RunPlanOptions extends ConfigOptions {
  /** Bytes. */
  readonly budget?: number;
  readonly adapter: 'gpu' | 'cpu';
  /** Bytes. */
  readonly binding?: number;
  readonly json?: boolean;
}

/** What a device of the engine takes at most unless it is told otherwise. */
const DEFAULT_BUDGET_BYTES = 16 * 2 ** 30;
/** Binding of the software adapter that the engine is tested with. */
const CPU_BINDING_BYTES = 128 * 2 ** 20;
const MOST_KNOBS = 3;

/** `dawngrad plan`. */
export async function runPlan(
  what: string,
  overrides: readonly string[],
  options: RunPlanOptions,
  { out, err, plugins }: Pick<CommandContext, 'out' | 'err' | 'plugins'>,
): Promise<void> {
  const named = CONFIG_KINDS.find((name) => name === what);
  const kind = named ?? kindOfFile(what, 'plan');
  const files = named !== undefined ? options : { ...options, config: what };
  const resolve = async (more: readonly string[], notes: { err?: CommandContext['err'] }): Promise<PlannedConfig> => {
    const loading = plugins === undefined ? {} : { plugins };
    const config = await readConfig(kind, [...overrides, ...more], files, { needsInputs: false, ...notes, ...loading });
    // A kind and the configuration read for it belong together.
    return { kind, config } as PlannedConfig;
  };
  const planned = await resolve([], { err });
  if (planned.config.policy.model === null) {
    throw new ToolError('config', {
      op: 'policy.model',
      expected: 'a folder with config.json, or the name of a known model',
      got: 'none',
      hint: 'name it with --model.',
    });
  }
  const models = await planModels(planned);
  const run = plannedRun(planned, models);
  const adapter: PlannedAdapter = {
    adapterClass: options.adapter,
    bindingBytes: options.binding ?? (options.adapter === 'cpu' ? CPU_BINDING_BYTES : 2 ** 31 - 4),
  };
  const budgetBytes = options.budget ?? DEFAULT_BUDGET_BYTES;
  const wanted = await measureRun(run, adapter, { budgetBytes });
  const fits = wanted.phases.every(({ refused }) => refused === undefined);
  // What is refused is measured again without a limit, with rollouts as small as they can be.
  const needed = fits ? wanted : await measureRun(run, adapter, { leastRollouts: true });

  const rowTokens = run.limits.maxPromptTokens + run.limits.maxCompletionTokens;
  const now = await updatesPeak(run, adapter);
  const flops = stepFlops(needed);
  const knobs: PlanKnob[] = [];
  for (const { overrides: more, effect } of knobsFor(planned, rowTokens)) {
    const changed = plannedRun(await resolve(more, {}), models);
    const measure = await measureRun(changed, adapter, { updatesOnly: true });
    const base = needed.phases.filter(({ name }) => measure.phases.some((phase) => phase.name === name));
    const saved = now - measure.peakBytes;
    if (saved <= 0.005 * now) continue;
    const extra = base.length === 0 ? 0 : stepFlops(measure) / stepFlops({ ...needed, phases: base }) - 1;
    knobs.push({ overrides: more, savedBytes: saved, extraWork: Number.isFinite(extra) ? extra : 0, effect });
  }

  const plan: Plan = {
    kind,
    model: planned.config.policy.model,
    parameters: parameterCount(run.policy.config),
    adapter: options.adapter,
    bindingBytes: adapter.bindingBytes as number,
    budgetBytes,
    fits,
    peakBytes: needed.peakBytes,
    phases: needed.phases.map((phase) => {
      const refused = wanted.phases.find(({ name }) => name === phase.name)?.refused;
      return refused === undefined ? phase : { ...phase, refused };
    }),
    largestMicroBatchTokens: await largestMicroBatch(run, adapter, budgetBytes, withMicroBatch, 64 * rowTokens),
    longestRowTokens: rowTokens,
    slots: wanted.phases.find(({ slots }) => slots !== undefined)?.slots,
    knobs: chooseKnobs(knobs, MOST_KNOBS),
    steps: 'maxSteps' in run.work.options ? run.work.options.maxSteps : undefined,
    totalTokens: total(needed, ({ tokens }) => tokens),
    totalFlops: total(needed, (phase) => phase.flops),
    stepFlops: flops,
    checkpointBytes: needed.checkpointBytes.models + needed.checkpointBytes.moments,
    keptCheckpoints: planned.kind === 'evaluate' ? 0 : planned.config.train.keep_checkpoints,
    hostBytes: needed.checkpointBytes.moments,
    unknown: UNKNOWNS,
  };
  out(options.json === true ? `${JSON.stringify(plan, null, 2)}\n` : planText(plan));
}

/** Work of a step: of all that comes as often as there are steps, or oftener. */
function stepFlops(measure: Pick<RunMeasure, 'phases'>): number {
  const steps = Math.max(
    1,
    ...measure.phases.filter(({ name }) => STEP_PHASES.has(name)).map(({ times }) => times ?? 1),
  );
  return measure.phases
    .filter(({ name }) => STEP_PHASES.has(name))
    .reduce((sum, { flops, times, name }) => sum + flops * (name === 'critic update' ? (times ?? 1) / steps : 1), 0);
}

const STEP_PHASES: ReadonlySet<string> = new Set(['update', 'samples', 'critic update', 'scoring', 'policy update']);

/** Undefined where it is not known how often a phase comes. */
function total({ phases }: RunMeasure, of: (phase: RunMeasure['phases'][number]) => number): number | undefined {
  if (phases.some(({ times }) => times === undefined)) return undefined;
  return phases.reduce((sum, phase) => sum + of(phase) * (phase.times as number), 0);
}

function withMicroBatch(run: PlannedRun, microBatchTokens: number): PlannedRun {
  // Each kind of work has the option.
  return { ...run, work: { ...run.work, options: { ...run.work.options, microBatchTokens } } as PlannedRun['work'] };
}
