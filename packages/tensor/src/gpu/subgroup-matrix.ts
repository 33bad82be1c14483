/**
 * How Dawn's experimental subgroup-matrix builtins take the order of the elements: as a template parameter
 * (`row_major`), or as a flag among the arguments, which newer versions call deprecated and will drop.
 */
export type SubgroupMatrixSpelling = 'template' | 'flag';

/** A product that the adapter has: component values of m x k by k x n, summed as `result`. */
export interface SubgroupMatrixConfig {
  readonly component: string;
  readonly result: string;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly spelling: SubgroupMatrixSpelling;
}

/** The feature's name; Dawn offers it only with its flag `allow_unsafe_apis`. */
export const SUBGROUP_MATRIX = 'chromium-experimental-subgroup-matrix';

/** What Dawn says of an adapter that has the feature. */
interface AdapterConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** The products of the adapter, in the first spelling that compiles; none where no spelling does. */
export async function subgroupMatrixConfigs(adapter: GPUAdapter, device: GPUDevice): Promise<SubgroupMatrixConfig[]> {
  if (!device.features.has(SUBGROUP_MATRIX as GPUFeatureName)) return [];
  const info = adapter.info as unknown as { readonly subgroupMatrixConfigs?: Iterable<AdapterConfig> };
  const configs = [...(info.subgroupMatrixConfigs ?? [])];
  const first = configs.find(({ componentType }) => componentType === 'f16' || componentType === 'f32');
  if (first === undefined) return [];
  for (const spelling of ['template', 'flag'] as const) {
    if (!(await compiles(device, probe(first, spelling)))) continue;
    return configs.map(({ componentType, resultComponentType, M, N, K }) => ({
      component: componentType,
      result: resultComponentType,
      m: M,
      n: N,
      k: K,
      spelling,
    }));
  }
  return [];
}

async function compiles(device: GPUDevice, code: string): Promise<boolean> {
  device.pushErrorScope('validation');
  device.createShaderModule({ label: 'tensor/probe/subgroup-matrix', code });
  return (await device.popErrorScope()) === null;
}

function probe(
  { componentType, resultComponentType, M, N, K }: AdapterConfig,
  spelling: SubgroupMatrixSpelling,
): string {
  const left = `subgroup_matrix_left<${componentType}, ${K}, ${M}>`;
  const [load, store] =
    spelling === 'template'
      ? [`subgroupMatrixLoad<${left}, row_major>(&a, 0u, ${K}u)`, `subgroupMatrixStore<row_major>(&c, 0u, sum, ${N}u)`]
      : [`subgroupMatrixLoad<${left}>(&a, 0u, false, ${K}u)`, `subgroupMatrixStore(&c, 0u, sum, false, ${N}u)`];
  return `
enable chromium_experimental_subgroup_matrix;
enable subgroups;${componentType === 'f16' || resultComponentType === 'f16' ? '\nenable f16;' : ''}
var<workgroup> a: array<${componentType}, ${M * K}>;
var<workgroup> c: array<${resultComponentType}, ${M * N}>;
@compute @workgroup_size(64)
fn main() {
  var sum: subgroup_matrix_result<${resultComponentType}, ${N}, ${M}>;
  let loaded = ${load};
  ${store};
}
`;
}
