import type { Device } from '../gpu/device.ts';
import type { MatmulCapabilities } from './matmul-spec.ts';

const known = new WeakMap<Device, MatmulCapabilities>();
const refused = new WeakMap<Device, Set<string>>();

function refusedBy(device: Device): Set<string> {
  const found = refused.get(device) ?? new Set<string>();
  refused.set(device, found);
  return found;
}

/** From now on no matmul of the device takes a kernel of this family (`matmulFamily`): it was found to be wrong. */
export function refuseMatmulFamily(device: Device, family: string): void {
  refusedBy(device).add(family);
}

/** What the device offers to the matmul family. */
export function matmulCapabilities(device: Device): MatmulCapabilities {
  const found = known.get(device);
  if (found !== undefined) return found;
  const { adapterClass, features, limits } = device;
  const capabilities: MatmulCapabilities = {
    adapterClass,
    features,
    maxInvocations: limits.maxComputeInvocationsPerWorkgroup,
    maxWorkgroupBytes: limits.maxComputeWorkgroupStorageSize,
    maxWorkgroups: limits.maxComputeWorkgroupsPerDimension,
    refusedFamilies: refusedBy(device),
    maxSubgroup: features.has('subgroups') ? device.adapter.subgroupMaxSize : 0,
    matrices: device.subgroupMatrices.flatMap(({ component, result, m, n, k, spelling }) =>
      result === 'f32' && (component === 'f16' || component === 'f32') ? [{ component, m, n, k, spelling }] : [],
    ),
  };
  known.set(device, capabilities);
  return capabilities;
}
