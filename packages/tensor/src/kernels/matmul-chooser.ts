import type { Device } from '../gpu/device.ts';
import type { MatmulCandidate, MatmulCapabilities, MatmulSize, MatmulVariant } from './matmul-spec.ts';

/** Picks the candidate of a matmul by its id, or leaves it to the static choice. */
export type MatmulChooser = (
  size: MatmulSize,
  variant: MatmulVariant,
  capabilities: MatmulCapabilities,
) => MatmulCandidate | string | undefined;

const choosers = new WeakMap<Device, MatmulChooser>();

/** From now on `chooser` decides for the matmuls of the device; undefined gives it back to the static choice. */
export function setMatmulChooser(device: Device, chooser: MatmulChooser | undefined): void {
  if (chooser === undefined) choosers.delete(device);
  else choosers.set(device, chooser);
}

export function matmulChooser(device: Device): MatmulChooser | undefined {
  return choosers.get(device);
}
