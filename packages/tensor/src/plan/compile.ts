import { checkOperands } from '../check-operands.ts';
import { ToolError } from '../errors.ts';
import type { Storage } from '../gpu/buffer-pool.ts';
import type { Device } from '../gpu/device.ts';
import { isObserved } from '../op.ts';
import { scope, tensorsIn } from '../scope.ts';
import { Tensor } from '../tensor.ts';
import { Plan, type PlanPasses } from './plan.ts';
import { StepRecording } from './step-recording.ts';
import { StepResult } from './step-result.ts';
import { mapTensors, stepSignature } from './step-signature.ts';

/** A function whose launches were recorded once and are replayed at each call. */
export interface CompiledStep<Args extends readonly unknown[], Result> {
  (...args: Args): Result;
  /** The plans so far, one for each combination of shapes, types and constants that it was called with. */
  readonly plans: readonly Plan[];
  /** Gives the arenas back. The step must not be called again. */
  dispose(): void;
}

interface CachedPlan {
  readonly plan: Plan;
  readonly effects: readonly (() => void)[];
  readonly result: StepResult;
}

/**
 * Compiles a step. The first call with arguments of some shapes runs `body` once and takes down what it
 * launches; then, and at every later call with such arguments, a plan is replayed: the same launches with
 * pointwise work fused, temporaries in a fixed arena and bind groups kept. A replay gives the bits of any other;
 * eager work may differ from it by the last bit where fused expressions let the driver round once less.
 *
 * Tensors among the arguments (in nested arrays and plain objects too) may be others at each call, and so may
 * the results: they are new tensors that belong to the caller, as in eager work. Tensors that `body` finds
 * elsewhere, such as parameters, are the same at each call; it may update them in place. Numbers are frozen
 * into the plan; what changes from call to call is a tensor or a `Scalar`. Host code runs at the first call
 * only, except what it hands to `Device.hostEffect`.
 *
 * @throws ToolError 'failed' where `body` reads values back, keeps a tensor that it does not return, or is
 * called under a tape: a gradient belongs inside of the step.
 */
export function compile<Args extends readonly unknown[], Result>(
  device: Device,
  body: (...args: Args) => Result,
  passes: PlanPasses = {},
): CompiledStep<Args, Result> {
  const cached = new Map<string, CachedPlan>();
  const step = (...args: Args): Result => {
    if (isObserved()) {
      throw new ToolError('failed', {
        op: 'compile',
        expected: 'a compiled step outside of a gradient',
        got: 'a call under a tape, which does not see into it',
        hint: 'compile the function that takes the gradient.',
      });
    }
    const inputs = tensorsIn(args);
    checkOperands('compile', inputs);
    const key = stepSignature(args);
    let entry = cached.get(key);
    if (entry === undefined) {
      entry = build(device, body, args, passes);
      cached.set(key, entry);
      device.onPlan?.(entry.plan);
    } else for (const effect of entry.effects) effect();
    const { plan, result } = entry;
    const storages = distinctStorages(inputs);
    const outputs = device.pool.allocateAll(plan.ports.outputs);
    plan.replay(storages, outputs);
    return result.build(device, storages, outputs) as Result;
  };
  Object.defineProperty(step, 'plans', { get: () => [...cached.values()].map(({ plan }) => plan) });
  const dispose = (): void => {
    for (const { plan } of cached.values()) plan.dispose();
    cached.clear();
  };
  return Object.assign(step, { dispose }) as CompiledStep<Args, Result>;
}

function distinctStorages(tensors: readonly Tensor[]): Storage[] {
  return [...new Set(tensors.map(({ storage }) => storage))];
}

function build<Args extends readonly unknown[]>(
  device: Device,
  body: (...args: Args) => unknown,
  args: Args,
  passes: PlanPasses,
): CachedPlan {
  const recording = new StepRecording(device.pool);
  // Stand-ins, so that a buffer that is an argument and found elsewhere too is told apart.
  const standIns = new Map(
    distinctStorages(tensorsIn(args)).map((storage) => [
      storage,
      device.pool.allocateVirtual(storage.bytes, storage.label),
    ]),
  );
  const inputs = [...standIns.values()];
  const standIn = (tensor: Tensor): Tensor => {
    const storage = standIns.get(tensor.storage)!;
    device.pool.retain(storage);
    return new Tensor(device, storage, tensor.dtype, tensor.shape, tensor.strides, tensor.offset);
  };
  try {
    let result: StepResult | undefined;
    device.recordWith(recording, () =>
      scope(() => {
        const returned = body(...(mapTensors(args, standIn) as Args));
        refusePromise(returned);
        result = new StepResult(returned, inputs);
      }),
    );
    if (recording.refusal !== undefined) throw recording.refusal;
    const ports = { inputs, outputs: result!.outputs };
    refuseEscapes(recording, [...inputs, ...ports.outputs]);
    const plan = new Plan(device, recording.launches, ports, recording.constants, passes);
    return { plan, effects: recording.effects, result: result! };
  } finally {
    // What the plan uses of them, it holds by itself.
    for (const storage of recording.constants) device.pool.release(storage);
  }
}

/** What a promise does later is not recorded. */
function refusePromise(returned: unknown): void {
  if (!(returned instanceof Promise)) return;
  returned.catch(() => undefined);
  throw new ToolError('failed', {
    op: 'compile',
    expected: 'a function that returns its result',
    got: 'an asynchronous one',
    hint: 'return the tensors and await their values outside.',
  });
}

/** A tensor that outlives the recording without being returned would never have values. */
function refuseEscapes({ launches }: StepRecording, ports: readonly Storage[]): void {
  for (const { bindings } of launches)
    for (const { storage } of bindings) {
      if (!storage.isVirtual || storage.references <= 0 || ports.includes(storage)) continue;
      throw new ToolError('failed', {
        op: 'compile',
        expected: 'tensors that end with the compiled function, or are returned by it',
        got: `one that is kept elsewhere (${storage.label})`,
        hint: 'make it before the step and update it in place, or return it.',
      });
    }
}
