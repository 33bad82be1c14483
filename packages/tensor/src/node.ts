import { create, globals } from 'webgpu';
import { ToolError } from './errors.ts';
import { Device, type DeviceOptions } from './gpu/device.ts';
import { describePlan } from './plan/describe-plan.ts';
import type { Plan } from './plan/plan.ts';

// The package's types are those of browsers; of Node this file needs no more.
declare const process: { readonly env: Readonly<Record<string, string | undefined>> };
declare const console: { error(text: string): void };

/**
 * Dawn's instances, for the life of the process: the addon crashes if an instance is collected while
 * one of its devices still has work under way.
 */
const instances = new Map<string, GPU>();

/** Dawn's entry point in Node. `flags` are Dawn's own, such as `backend=vulkan`. */
export function createGpu(flags: readonly string[] = []): GPU {
  const key = flags.join(';');
  const found = instances.get(key);
  if (found !== undefined) return found;
  // Dawn's classes (GPUOutOfMemoryError and others) are globals in a browser; some checks need them.
  Object.assign(globalThis, globals);
  const created = create([...flags]);
  instances.set(key, created);
  return created;
}

/**
 * Opens the adapter that Dawn prefers. Throws ToolError 'no-adapter' where there is none. The features that
 * DAWNGRAD_WITHOUT names, separated by commas, are not used, so that every fallback can be tested anywhere.
 * With DAWNGRAD_PLAN=1, every plan that `compile` makes is printed to stderr, timed at its first replay.
 * DAWNGRAD_MEMORY_GIB is the memory budget where `options` name none; default 16.
 */
export async function openDevice(
  options: DeviceOptions & {
    readonly flags?: readonly string[];
    /** Also features that Dawn calls unsafe because they may still change, such as subgroup matrices. */
    readonly experimental?: boolean;
  } = {},
): Promise<Device> {
  const named = (process.env.DAWNGRAD_WITHOUT ?? '').split(',').filter((name) => name !== '');
  const isPrinting = (process.env.DAWNGRAD_PLAN ?? '0') !== '0';
  const unsafe = options.experimental === true ? ['enable-dawn-features=allow_unsafe_apis'] : [];
  return Device.open(createGpu([...(options.flags ?? []), ...unsafe]), {
    ...(isPrinting ? { onPlan: printPlan } : {}),
    ...budgetOf(process.env.DAWNGRAD_MEMORY_GIB),
    ...options,
    without: [...(options.without ?? []), ...named],
  });
}

function budgetOf(text: string | undefined): Pick<DeviceOptions, 'budgetBytes'> {
  if (text === undefined || text === '') return {};
  const gibibytes = Number(text);
  if (gibibytes > 0) return { budgetBytes: Math.round(gibibytes * 2 ** 30) };
  throw new ToolError('usage', { op: 'DAWNGRAD_MEMORY_GIB', expected: 'a number of GiB above 0', got: text });
}

function printPlan(plan: Plan): void {
  const { device } = plan;
  if (!device.features.has('timestamp-query')) console.error(describePlan(plan));
  else void device.timeNextSubmit().then((timings) => console.error(describePlan(plan, plan.timesAmong(timings))));
}
