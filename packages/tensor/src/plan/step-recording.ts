import type { ToolError } from '../errors.ts';
import type { BufferPool, Storage } from '../gpu/buffer-pool.ts';
import type { LaunchRecorder, RecordedLaunch } from '../gpu/launch-recorder.ts';

/** What a step did while it was recorded: its launches in order, its constants and its work on the host. */
export class StepRecording implements LaunchRecorder {
  readonly #pool: BufferPool;
  readonly launches: RecordedLaunch[] = [];
  /** Buffers with values from the host; the recording holds a reference to each. */
  readonly constants: Storage[] = [];
  readonly effects: (() => void)[] = [];
  /** The first work that a recorded step cannot do. An asynchronous body would hide the error in its promise. */
  refusal: ToolError | undefined;

  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  onLaunch(launch: RecordedLaunch): void {
    this.launches.push(launch);
  }

  onUpload(storage: Storage): void {
    this.#pool.retain(storage);
    this.constants.push(storage);
  }

  onHostEffect(effect: () => void): void {
    this.effects.push(effect);
  }

  onRefusal(error: ToolError): void {
    this.refusal ??= error;
  }
}
