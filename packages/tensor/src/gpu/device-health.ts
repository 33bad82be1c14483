import { ToolError } from '../errors.ts';

// Timers exist in Node and in browsers, but in no library of types that both share.
declare function setTimeout(callback: () => void, ms: number): unknown;
declare function clearTimeout(timer: unknown): void;

/** A device goes one way: ready, then poisoned (a value may be wrong), then lost. */
export type DeviceState = 'ready' | 'poisoned' | 'lost';

/**
 * What is known of a device's failures. Dawn reports most of them late and only to whoever asks: to error
 * scopes, to an event, to the promise of the loss. Everything that waits for the device waits here.
 */
export class DeviceHealth {
  readonly #device: GPUDevice;
  readonly #timeoutMs: number;
  readonly #lostNotice: Promise<never>;
  #state: DeviceState = 'ready';
  #failure: ToolError | undefined;
  #isClosing = false;
  /** Error scopes that are open around work since the last wait. */
  #openScopes = 0;
  #scopeChecks: Promise<void> = Promise.resolve();

  constructor(device: GPUDevice, timeoutMs: number) {
    this.#device = device;
    this.#timeoutMs = timeoutMs;
    device.addEventListener('uncapturederror', (event) => {
      this.poison(reportedError(event.error));
    });
    this.#lostNotice = new Promise((_, reject) => {
      void device.lost.then((info) => {
        this.#lose(`a lost device (${info.reason}: ${info.message})`);
        reject(this.#failure);
      });
    });
    this.#lostNotice.catch(() => undefined);
  }

  get state(): DeviceState {
    return this.#state;
  }

  /** Throws the first failure if the device is not ready: a value could not be trusted. */
  assertReady(): void {
    if (this.#state !== 'ready') throw this.#failure!;
  }

  poison(error: ToolError): void {
    if (this.#state !== 'ready' || this.#isClosing) return;
    this.#state = 'poisoned';
    this.#failure = error;
  }

  /** The owner closes the device: what is lost from now on is lost on purpose. */
  close(): void {
    this.#isClosing = true;
    this.#lose('a closed device');
  }

  /** Opens error scopes around the work that follows; `checkScopes` closes and reads them. */
  openScopes(): void {
    for (const filter of ['internal', 'out-of-memory', 'validation'] as const) this.#device.pushErrorScope(filter);
    this.#openScopes += 3;
  }

  /**
   * Waits for the error scopes of all submits so far, those that another readback asks for included. They
   * stay open until then, since a pending promise of Dawn keeps its Node binding polling.
   */
  async checkScopes(): Promise<void> {
    const scopes: Promise<GPUError | null>[] = [];
    for (; this.#openScopes > 0; this.#openScopes--) scopes.push(this.#device.popErrorScope());
    const earlier = this.#scopeChecks;
    this.#scopeChecks = Promise.all([earlier, ...scopes]).then(([, ...errors]) => {
      for (const error of errors) {
        if (error) this.poison(reportedError(error));
      }
    });
    await this.guarded(this.#scopeChecks, 'error scopes');
    this.assertReady();
  }

  /** Waits for the device, but neither for ever nor past its loss: `allowedMs` more than for a device without work. */
  async guarded<T>(work: Promise<T>, what: string, allowedMs = 0): Promise<T> {
    let timer: unknown;
    // Timers hold 31 bits.
    const limitMs = Math.min(Math.round(this.#timeoutMs + allowedMs), 2 ** 31 - 1);
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const error = new ToolError('lost', {
          op: what,
          expected: `an answer of the device within ${limitMs / 1000} s`,
          got: 'none',
          hint: 'the driver hangs or is much too slow for this work; lower the micro-batch.',
        });
        this.poison(error);
        reject(error);
      }, limitMs);
    });
    try {
      return await Promise.race([work, timeout, this.#lostNotice]);
    } catch (cause) {
      if (this.#failure) throw this.#failure;
      throw deviceError(cause instanceof Error ? cause.message : String(cause));
    } finally {
      clearTimeout(timer);
    }
  }

  #lose(got: string): void {
    if (this.#state === 'lost') return;
    this.#state = 'lost';
    this.#failure = new ToolError('lost', {
      op: 'device',
      expected: 'a working device',
      got,
      hint: 'start again; a run continues from its last checkpoint with --resume.',
    });
  }
}

/** What Dawn reports, as an error of ours: out of memory is the user's to mend, all else is a bug. */
function reportedError(error: GPUError): ToolError {
  if (error.constructor.name !== 'GPUOutOfMemoryError') return deviceError(error.message);
  return new ToolError('limit', {
    op: 'device',
    expected: 'enough memory on the device',
    got: error.message.split('\n')[0]!,
    hint: 'use a smaller micro-batch (train.micro_batch_tokens) or shorter sequences.',
  });
}

function deviceError(message: string): ToolError {
  return new ToolError('device', {
    op: 'device',
    expected: 'work without errors',
    got: message.split('\n').slice(0, 4).join(' '),
    hint: 'this is a bug of a kernel or of the driver; `dawngrad doctor` checks the adapter.',
  });
}
