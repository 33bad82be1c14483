import type { Device } from '@dawngrad/tensor';
import type { MetricRow } from '../metrics/names.ts';

/** The work of the device since a step began. */
export class DeviceMeter {
  readonly #device: Device;
  #dispatches = 0;
  #submits = 0;

  constructor(device: Device) {
    this.#device = device;
    this.restart();
  }

  /** A step begins: what the device did before it, such as evaluations and saves, is not counted. */
  restart(): void {
    ({ dispatches: this.#dispatches, submits: this.#submits } = this.#device.counters);
  }

  /** Launches and submits since the restart, a step where there were `steps`, and memory. */
  row(steps = 1): MetricRow {
    const { dispatches, submits } = this.#device.counters;
    const { liveBytes, peakLiveBytes } = this.#device.memory;
    return {
      'perf/dispatches': (dispatches - this.#dispatches) / steps,
      'perf/submits': (submits - this.#submits) / steps,
      'mem/live_bytes': liveBytes,
      'mem/peak_bytes': peakLiveBytes,
    };
  }
}
