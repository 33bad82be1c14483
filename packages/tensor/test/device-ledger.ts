import { Device } from '../src/gpu/device.ts';

const registry = Symbol.for('dawngrad/test/devices');
const global = globalThis as { [registry]?: Set<Device> };

/** Every open device of this process; watched from the first call on, over all test files. */
function openDevices(): Set<Device> {
  if (global[registry] === undefined) {
    const found = new Set<Device>();
    const open = Device.open.bind(Device);
    Device.open = async (...args) => {
      const device = await open(...args);
      found.add(device);
      return device;
    };
    global[registry] = found;
  }
  for (const device of global[registry]) if (device.state !== 'ready') global[registry].delete(device);
  return global[registry];
}

/** What each open device holds, by label. */
export type DeviceLedger = ReadonlyMap<Device, ReadonlyMap<string, string>>;

/** What the open devices hold now. The first call starts the watch. */
export function deviceLedger(): DeviceLedger {
  const rows = (device: Device): [string, string][] =>
    device.pool.byLabel().map(({ label, bytes, count }) => [label, `${count} buffers, ${bytes} bytes`]);
  return new Map([...openDevices()].map((device) => [device, new Map(rows(device))]));
}

/** What changed since, of devices that were open then and still are: one line a label. */
export function ledgerChanges(before: DeviceLedger): string[] {
  const changes: string[] = [];
  for (const [device, now] of deviceLedger()) {
    const then = before.get(device);
    if (then === undefined) continue;
    for (const label of new Set([...then.keys(), ...now.keys()])) {
      if (then.get(label) !== now.get(label)) {
        changes.push(`${label}: ${now.get(label) ?? 'nothing'}, before ${then.get(label) ?? 'nothing'}`);
      }
    }
  }
  return changes;
}
