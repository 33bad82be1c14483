import type { LaunchPlan } from '../gpu/launch-plan.ts';
import type { LaunchCost } from '../plan/fusion-info.ts';
import type { Tensor } from '../tensor.ts';
import { bindable } from './launch-elementwise.ts';

/**
 * Records one launch: the kernel's bindings are the inputs, then the outputs. Inputs that are strided
 * or unaligned views are copied first; outputs must be plain.
 */
export function launchPlan(plan: LaunchPlan, inputs: readonly Tensor[], outputs: readonly Tensor[]): void {
  const sources = inputs.map(bindable);
  const bindings = [...sources, ...outputs].map((tensor) => tensor.binding());
  outputs[0]!.device.dispatch(plan.kernel, bindings, plan.params, plan.workgroups, { kind: 'opaque', ...costOf(plan) });
  sources.forEach((source, i) => {
    if (source !== inputs[i]) source.dispose();
  });
}

/** The cost that a plan states. */
function costOf({ flops, bytes }: LaunchPlan): LaunchCost {
  return { ...(flops === undefined ? {} : { flops }), ...(bytes === undefined ? {} : { bytes }) };
}
