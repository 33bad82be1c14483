import { type Kernel, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';

/*
 * Math     fill: out = value;  accumulate: out = keep ? source + out : source
 * Layout   contiguous f32.
 * Dispatch one thread an element, or four where the size allows.
 */
function inPlaceKernel(name: 'fill' | 'accumulate', vec: 1 | 4): Kernel {
  const element = vec === 4 ? 'vec4<f32>' : 'f32';
  const out = { name: 'out', access: 'read_write' as const, element };
  return {
    key: `${name}/${vec}`,
    label: `tensor/${name}`,
    bindings: name === 'fill' ? [out] : [{ name: 'source', access: 'read', element }, out],
    params: [
      { name: 'count', type: 'u32' },
      { name: 'value', type: 'f32' },
    ],
    body: () => `
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * groups.x) * 256u + lane;
  if (i >= params.count) { return; }
  ${
    name === 'fill'
      ? `out[i] = ${element}(params.value);`
      : `// A select, not a product: what stood there before may be NaN when it is to be replaced. And no
  // sum with zero: a copy keeps every bit, the sign of -0 too.
  out[i] = select(source[i], source[i] + out[i], params.value > 0.0);`
  }
}
`,
  };
}

function plan(name: 'fill' | 'accumulate', size: number, value: number): LaunchPlan {
  const vec = size % 4 === 0 ? 4 : 1;
  return {
    kernel: inPlaceKernel(name, vec),
    params: [size / vec, value],
    workgroups: linearWorkgroups(Math.ceil(size / vec / 256)),
  };
}

/** Bindings: out. */
export function planFill(size: number, value: number): LaunchPlan {
  return plan('fill', size, value);
}

/** Bindings: source, out. */
export function planAccumulate(size: number, keep: boolean): LaunchPlan {
  return plan('accumulate', size, keep ? 1 : 0);
}
