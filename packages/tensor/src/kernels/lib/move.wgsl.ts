import { bytesPerElement, type DType } from '../../dtype.ts';
import { type Kernel, type KernelBinding, linearWorkgroups } from '../../gpu/kernel.ts';
import type { LaunchPlan } from '../../gpu/launch-plan.ts';
import type { ScalarLike } from '../../scalar.ts';

/*
 * Kernels that only move elements work on their bits, so one text serves every element type and no value is
 * changed on the way, not even the payload of a NaN. They are written from the output's side: a thread owns one
 * unit of the output and finds where it comes from, so nothing is written twice. Units are 16-bit halves (two a
 * thread, since they share a word), words, or quads of words where all operands are aligned to 16 bytes.
 */
export type MoveUnit = 'half' | 'word' | 'quad';

/** Loops over the output and where each operand stands in them, in units. */
export interface MoveLoops {
  readonly unit: MoveUnit;
  readonly dims: readonly number[];
  readonly strides: readonly (readonly number[])[];
  readonly offsets: readonly number[];
  /** Elements in one unit; 1 for an element of 4 bytes as a word. */
  readonly factor: number;
}

/**
 * Loops in the widest unit that fits: the innermost dimension must be contiguous in every operand, and
 * `alignments` are further counts of elements along it that must be whole units, such as where a part begins.
 * Kernels that compute with 16-bit values take at most a word.
 */
export function widenLoops(
  dtype: DType,
  dims: readonly number[],
  strides: readonly (readonly number[])[],
  offsets: readonly number[],
  alignments: readonly number[] = [],
  widest: 'word' | 'quad' = 'quad',
): MoveLoops {
  const bytes = bytesPerElement(dtype);
  const last = dims.length - 1;
  const isDense = last >= 0 && strides.every((own) => own[last] === 1);
  for (const [unit, size] of [
    ['quad', 16],
    ['word', 4],
  ] as const) {
    const factor = size / bytes;
    const isWhole = (count: number): boolean => count % factor === 0;
    const fits =
      isDense &&
      !(unit === 'quad' && widest === 'word') &&
      isWhole(dims[last]!) &&
      offsets.every(isWhole) &&
      alignments.every(isWhole) &&
      strides.every((own) => own.slice(0, -1).every(isWhole));
    if (!fits && factor > 1) continue;
    if (factor === 1) return { unit, dims, strides, offsets, factor };
    return {
      unit,
      dims: dims.map((dim, axis) => (axis === last ? dim / factor : dim)),
      strides: strides.map((own) => own.map((stride, axis) => (axis === last ? 1 : stride / factor))),
      offsets: offsets.map((offset) => offset / factor),
      factor,
    };
  }
  return { unit: 'half', dims, strides, offsets, factor: 1 };
}

/** A binding for the bits of a tensor. */
export function moveBinding(name: string, access: KernelBinding['access'], unit: MoveUnit): KernelBinding {
  return { name, access, element: unit === 'quad' ? 'vec4<u32>' : 'u32' };
}

/** The WGSL type of one unit's bits. */
export function unitType(unit: MoveUnit): 'u32' | 'vec4u' {
  return unit === 'quad' ? 'vec4u' : 'u32';
}

/** The bits of one unit filled with an element's bits. */
export function unitBits(bits: number, dtype: DType, unit: MoveUnit): number {
  return bytesPerElement(dtype) === 2 && unit !== 'half' ? ((bits << 16) | bits) >>> 0 : bits;
}

/** WGSL function `load_<name>(at)`: one unit of a binding. */
export function loadFunction(name: string, unit: MoveUnit): string {
  return unit === 'half'
    ? `fn load_${name}(at: u32) -> u32 { return (${name}[at >> 1u] >> ((at & 1u) << 4u)) & 0xffffu; }`
    : `fn load_${name}(at: u32) -> ${unitType(unit)} { return ${name}[at]; }`;
}

/** WGSL statements that split the output index `i` into the coordinates c0, c1, ... by `params.dim<axis>`. */
export function coordinates(rank: number): string {
  const lines = ['var rest = i;'];
  for (let axis = rank - 1; axis > 0; axis--) {
    lines.push(`let c${axis} = rest % params.dim${axis}; rest = rest / params.dim${axis};`);
  }
  if (rank > 0) lines.push('let c0 = rest;');
  return lines.join('\n  ');
}

/** WGSL expression: where an operand's unit stands, from `params.<name>_offset` and `params.<name>_stride<axis>`. */
export function operandIndex(name: string, axes: readonly number[]): string {
  return [`params.${name}_offset`, ...axes.map((axis) => `c${axis} * params.${name}_stride${axis}`)].join(' + ');
}

export function operandParams(name: string, rank: number): string[] {
  return [`${name}_offset`, ...Array.from({ length: rank }, (_, axis) => `${name}_stride${axis}`)];
}

export function dimParams(rank: number): string[] {
  return Array.from({ length: rank }, (_, axis) => `dim${axis}`);
}

const WORKGROUP = 256;

export interface MoveKernelSpec {
  readonly key: string;
  readonly label: string;
  readonly unit: MoveUnit;
  /** Bindings before the output `out`. */
  readonly inputs: readonly KernelBinding[];
  /** Names of u32 parameters after `count`, the units of the output. */
  readonly params: readonly string[];
  /** WGSL with `fn element(i: u32, old: U) -> U`: unit i of the output, where `old` is what stands there. */
  readonly functions: () => string;
  /** True if `element` may give back `old`: then the output is read first. */
  readonly keepsOld?: boolean;
}

/** A kernel that computes each unit of `out` by a WGSL function. Write `U` for the type of a unit. */
export function moveKernel(spec: MoveKernelSpec): Kernel {
  const { unit } = spec;
  const old = spec.keepsOld === true ? 'out[thread]' : `${unitType(unit)}()`;
  const store =
    unit === 'half'
      ? `let first = thread * 2u;
  if (first >= params.count) { return; }
  let old = ${old};
  let low = element(first, old & 0xffffu);
  var high = 0u;
  if (first + 1u < params.count) { high = element(first + 1u, old >> 16u); }
  out[thread] = low | (high << 16u);`
      : `if (thread >= params.count) { return; }
  out[thread] = element(thread, ${old});`;
  return {
    key: `${spec.key}/${unit}`,
    label: spec.label,
    bindings: [...spec.inputs, moveBinding('out', 'read_write', unit)],
    params: ['count', ...spec.params].map((name) => ({ name, type: 'u32' as const })),
    body: () => `
${spec.functions().replaceAll(/\bU\b/g, unitType(unit))}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let thread = (group.x + group.y * groups.x) * ${WORKGROUP}u + lane;
  ${store}
}
`,
  };
}

/** The launch of a `moveKernel` over `count` units. */
export function movePlan(kernel: Kernel, unit: MoveUnit, count: number, params: readonly ScalarLike[]): LaunchPlan {
  const threads = unit === 'half' ? Math.ceil(count / 2) : count;
  return { kernel, params: [count, ...params], workgroups: linearWorkgroups(Math.ceil(threads / WORKGROUP)) };
}
