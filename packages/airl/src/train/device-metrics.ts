import type { Device } from '@dawngrad/tensor';
import type { MetricRow } from '../metrics/names.ts';

/** The work of the device from one call to the next. */
export class DeviceMeter {
  readonly #device: Device;
  #dispatches: number;
  #submits: number;

  constructor(device: Device) {
    this.#device = device;
    ({ dispatches: this.#dispatches, submits: this.#submits } = device.counters);
  }

  /** Launches, submits and memory since the last call, for `steps` steps. */
  row(steps = 1): MetricRow {
    const { dispatches, submits } = this.#device.counters;
    const { liveBytes, peakLiveBytes } = this.#device.memory;
    const row = {
      'perf/dispatches': (dispatches - this.#dispatches) / steps,
      'perf/submits': (submits - this.#submits) / steps,
      'mem/live_bytes': liveBytes,
      'mem/peak_bytes': peakLiveBytes,
    };
    this.#dispatches = dispatches;
    this.#submits = submits;
    return row;
  }
}
