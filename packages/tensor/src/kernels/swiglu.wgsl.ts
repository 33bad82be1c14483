import { type Kernel, type KernelBinding, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';

/*
 * Math     with s = sigmoid(g): y = g s u;  dg = dy u s (1 + g (1 - s));  du = dy g s
 * Layout   contiguous, in vec4s where the size allows; gate and up in a tensor each, or packed: x [N, 2F] with
 *          gate in the first F columns and up in the others, and its gradient alike.
 * Dispatch one thread an element (or four); both gradients in one sweep.
 * Memory   forward 2 reads, 1 write; backward 3 reads, 2 writes.
 * Source   Shazeer, "GLU variants improve Transformer", 2020.
 */
function gradientKernel(vec: 1 | 4): Kernel {
  const element = vec === 4 ? 'vec4<f32>' : 'f32';
  return {
    key: `swiglu/gradient/${vec}`,
    label: 'tensor/swiglu/gradient',
    bindings: [
      { name: 'gate', access: 'read', element },
      { name: 'up', access: 'read', element },
      { name: 'dy', access: 'read', element },
      { name: 'dGate', access: 'read_write', element },
      { name: 'dUp', access: 'read_write', element },
    ],
    params: [{ name: 'count', type: 'u32' }],
    body: () => `
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * groups.x) * 256u + lane;
  if (i >= params.count) { return; }
  let g = gate[i];
  let s = 1.0 / (1.0 + exp(-g));
  let d = dy[i] * s;
  dGate[i] = d * up[i] * (1.0 + g * (1.0 - s));
  dUp[i] = d * g;
}
`,
  };
}

/** Bindings: gate, up, dy, dGate, dUp. */
export function planSwigluGradient(size: number): LaunchPlan {
  const vec = size % 4 === 0 ? 4 : 1;
  return {
    kernel: gradientKernel(vec),
    params: [size / vec],
    workgroups: linearWorkgroups(Math.ceil(size / vec / 256)),
  };
}

/** One launch over the elements (or vec4s) of y [N, F]: `gateAt` and `upAt` are their places in x [N, 2F]. */
function packedPlan(
  name: string,
  rows: number,
  width: number,
  bindings: (element: string) => readonly KernelBinding[],
  text: string,
): LaunchPlan {
  const vec = width % 4 === 0 ? 4 : 1;
  const element = vec === 4 ? 'vec4<f32>' : 'f32';
  const count = (rows * width) / vec;
  return {
    kernel: {
      key: `swiglu/${name}/${vec}`,
      label: `tensor/swiglu/${name}`,
      bindings: bindings(element),
      params: ['count', 'width'].map((param) => ({ name: param, type: 'u32' })),
      body: () => `
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * groups.x) * 256u + lane;
  if (i >= params.count) { return; }
  let gateAt = i + i / params.width * params.width;
  let upAt = gateAt + params.width;
  let g = x[gateAt];
  let s = 1.0 / (1.0 + exp(-g));
${text}
}
`,
    },
    params: [count, width / vec],
    workgroups: linearWorkgroups(Math.ceil(count / 256)),
  };
}

/** y [N, F] of packed x [N, 2F]. Bindings: x, y. */
export function planPackedSwiglu(rows: number, width: number): LaunchPlan {
  return packedPlan(
    'packed',
    rows,
    width,
    (element) => [
      { name: 'x', access: 'read', element },
      { name: 'y', access: 'read_write', element },
    ],
    '  y[i] = g * s * x[upAt];',
  );
}

/** The gradient by packed x. Bindings: x, dy, dx. */
export function planPackedSwigluGradient(rows: number, width: number): LaunchPlan {
  return packedPlan(
    'packed-gradient',
    rows,
    width,
    (element) => [
      { name: 'x', access: 'read', element },
      { name: 'dy', access: 'read', element },
      { name: 'dx', access: 'read_write', element },
    ],
    `  let d = dy[i] * s;
  dx[gateAt] = d * x[upAt] * (1.0 + g * (1.0 - s));
  dx[upAt] = d * g;`,
  );
}
