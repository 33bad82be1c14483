/** A buffer that a kernel reads or writes. */
export interface KernelBinding {
  /** WGSL variable name. */
  readonly name: string;
  readonly access: 'read' | 'read_write';
  /** WGSL element type of the runtime-sized array, such as `f32`, `vec4<f32>` or `u32`. */
  readonly element: string;
}

/** A number that a kernel is launched with: a field of its uniform block. */
export interface KernelParam {
  /** Field of the uniform struct, read in WGSL as `params.<name>`. */
  readonly name: string;
  readonly type: 'u32' | 'i32' | 'f32';
}

/**
 * A kernel is data: WGSL text plus what the engine needs to bind and launch it. The engine writes
 * the declarations (`struct Params`, `var<uniform> params`, one `var<storage>` a binding) from the
 * same lists that it builds the bind group layout from, so the two cannot disagree.
 */
export interface Kernel {
  /** Unique for the generated text and constants: the key of the pipeline cache. */
  readonly key: string;
  /** `package/op/role`, shown in Dawn's errors and in profiles. */
  readonly label: string;
  readonly bindings: readonly KernelBinding[];
  readonly params: readonly KernelParam[];
  /** Values of the `override` constants in the text. */
  readonly constants?: Readonly<Record<string, number>>;
  /** WGSL extensions to enable, such as `f16` or `subgroups`. */
  readonly enables?: readonly string[];
  /** The WGSL after the generated declarations; its entry point is `main`. Called once a key. */
  readonly body: () => string;
}

/** The declarations that stand before a kernel's body. */
export function kernelDeclarations(kernel: Kernel): string {
  const lines: string[] = (kernel.enables ?? []).map((name) => `enable ${name};`);
  if (kernel.params.length > 0) {
    lines.push('struct Params {', ...kernel.params.map((p) => `  ${p.name}: ${p.type},`), '}');
    lines.push('@group(0) @binding(0) var<uniform> params: Params;');
  }
  kernel.bindings.forEach((binding, index) => {
    lines.push(
      `@group(0) @binding(${index + 1}) var<storage, ${binding.access}> ${binding.name}: array<${binding.element}>;`,
    );
  });
  return `${lines.join('\n')}\n`;
}

/** Number of workgroups in x, y and z. */
export type Workgroups = readonly [number, number, number];

/** Most workgroups that WebGPU guarantees in one dimension. */
const MAX_WORKGROUPS_PER_DIMENSION = 65535;

/**
 * Spreads `count` workgroups over x and y. The kernel recovers the linear index with
 * `workgroup_id.x + workgroup_id.y * num_workgroups.x` and must ignore indices at or past its count.
 */
export function linearWorkgroups(count: number, limit = MAX_WORKGROUPS_PER_DIMENSION): Workgroups {
  if (count <= limit) return [count, 1, 1];
  const y = Math.ceil(count / limit);
  return [Math.ceil(count / y), y, 1];
}
