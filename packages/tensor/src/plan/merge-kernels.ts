import type { Kernel } from '../gpu/kernel.ts';

/** What can stand side by side in one kernel. */
export interface MergeableKernel {
  readonly kernel: Kernel;
  /** Threads of a workgroup in x, y and z. */
  readonly size: readonly [number, number, number];
  readonly usesWorkgroupMemory: boolean;
}

const ENTRY = /@compute\s+@workgroup_size\(([^)]*)\)\s*fn main\(([\s\S]*?)\)\s*\{/;
/** `@builtin(name) variable: type`. */
const ARGUMENT = /@builtin\((\w+)\)\s*(\w+)\s*:\s*(\w+)/g;

/** Built-in values that a merged kernel can hand on. */
const KNOWN = [
  'workgroup_id',
  'num_workgroups',
  'local_invocation_index',
  'local_invocation_id',
  'global_invocation_id',
];

const parsed = new Map<string, MergeableKernel | undefined>();

/** The kernel with what its text says of workgroups; undefined for one that cannot be merged. */
export function mergeable(kernel: Kernel): MergeableKernel | undefined {
  if (!parsed.has(kernel.key)) parsed.set(kernel.key, parse(kernel));
  return parsed.get(kernel.key);
}

function parse(kernel: Kernel): MergeableKernel | undefined {
  const text = kernel.body();
  const entry = ENTRY.exec(text);
  // Fields of structs could be taken for variables of the same name.
  if (entry === null || /\bstruct\b/.test(text)) return undefined;
  const builtins = [...entry[2]!.matchAll(ARGUMENT)].map(([, name]) => name!);
  if (!builtins.every((name) => KNOWN.includes(name))) return undefined;
  const [x = Number.NaN, y = 1, z = 1] = entry[1]!.split(',').map((part) => {
    const term = part.trim();
    return kernel.constants?.[term] ?? Number(term.replace(/u$/, ''));
  });
  if (![x, y, z].every(Number.isInteger)) return undefined;
  return { kernel, size: [x, y, z], usesWorkgroupMemory: /var\s*<\s*workgroup\s*>/.test(text) };
}

/**
 * One kernel that does the work of several independent ones, each in workgroups of its own: the linear index
 * of a workgroup tells whose it is. All must have the same number of threads, and at most one may use
 * workgroup memory. Parameters: for each kernel its grid (x, y, z), then the parameters of each in turn.
 * Bindings: those of each in turn.
 */
export function mergeKernels(kernels: readonly MergeableKernel[]): Kernel {
  const sizes = kernels.map(({ size }) => size.join());
  const isUniform = new Set(sizes).size === 1;
  const threads = kernels[0]!.size.reduce((product, n) => product * n, 1);
  const prefixes = kernels.map((_, i) => `k${i}_`);
  return {
    key: `merged/${kernels.map(({ kernel }) => kernel.key).join(' || ')}`,
    label: kernels.map(({ kernel }, i) => (i === 0 ? kernel.label : kernel.label.replace(/^\w+\//, ''))).join(' || '),
    bindings: kernels.flatMap(({ kernel }, i) =>
      kernel.bindings.map((binding) => ({ ...binding, name: `${prefixes[i]}${binding.name}` })),
    ),
    params: [
      ...prefixes.flatMap((prefix) =>
        ['x', 'y', 'z'].map((axis) => ({ name: `${prefix}grid_${axis}`, type: 'u32' as const })),
      ),
      ...kernels.flatMap(({ kernel }, i) =>
        kernel.params.map((param) => ({ ...param, name: `${prefixes[i]}${param.name}` })),
      ),
    ],
    constants: Object.fromEntries(
      kernels.flatMap(({ kernel }, i) =>
        Object.entries(kernel.constants ?? {}).map(([name, value]) => [`${prefixes[i]}${name}`, value]),
      ),
    ),
    enables: [...new Set(kernels.flatMap(({ kernel }) => kernel.enables ?? []))],
    body: () =>
      `${kernels.map(({ kernel }, i) => asFunction(kernel, prefixes[i]!)).join('\n')}
@compute @workgroup_size(${isUniform ? kernels[0]!.size.join(', ') : threads})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  var index = group.x + group.y * groups.x;
${kernels.map(({ kernel, size }, i) => branch(kernel, size, prefixes[i]!, isUniform)).join('')}}
`,
  };
}

/** A kernel's text with its names prefixed and its entry point as a plain function. */
function asFunction(kernel: Kernel, prefix: string): string {
  const text = kernel
    .body()
    .replace(ENTRY, (_, __, args: string) => `fn main(${args.replaceAll(/@builtin\(\w+\)\s*/g, '')}) {`);
  const names = new Set(kernel.bindings.map(({ name }) => name));
  for (const [, name] of text.matchAll(/\b(?:fn|override|const|alias|var\s*<[^>]*>)\s+(\w+)/g)) names.add(name!);
  // Members keep their names, except those of the parameters.
  return text.replaceAll(
    /\bparams\.(\w+)|(?<![\w.])([A-Za-z_]\w*)/g,
    (word, param: string | undefined, name: string | undefined) => {
      if (param !== undefined) return `params.${prefix}${param}`;
      return names.has(name!) || name === 'main' ? `${prefix}${name}` : word;
    },
  );
}

/** Calls a kernel's function for the workgroups of its grid, and leaves `index` counting from its end. */
function branch(kernel: Kernel, [sx, sy, sz]: MergeableKernel['size'], prefix: string, isUniform: boolean): string {
  const grid = (axis: string): string => `params.${prefix}grid_${axis}`;
  const own = isUniform ? 'local' : `vec3u(thread % ${sx}u, thread / ${sx}u % ${sy}u, thread / ${sx * sy}u)`;
  const values: Readonly<Record<string, string>> = {
    workgroup_id: 'own_group',
    num_workgroups: `vec3u(${grid('x')}, ${grid('y')}, ${grid('z')})`,
    local_invocation_index: 'thread',
    local_invocation_id: own,
    global_invocation_id: `own_group * vec3u(${sx}u, ${sy}u, ${sz}u) + ${own}`,
  };
  const args = [...ENTRY.exec(kernel.body())![2]!.matchAll(ARGUMENT)].map(([, name]) => values[name!]!);
  return `  {
    let plane = ${grid('x')} * ${grid('y')};
    let count = plane * ${grid('z')};
    if (index < count) {
      let own_group = vec3u(index % ${grid('x')}, index / ${grid('x')} % ${grid('y')}, index / plane);
      ${prefix}main(${args.join(', ')});
      return;
    }
    index -= count;
  }
`;
}
