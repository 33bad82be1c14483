import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Made by a user in the folder of a run, it asks for a checkpoint. */
const SAVE_NOW = 'save-now';

/** How a run is asked for a checkpoint out of turn. */
export interface SaveRequest {
  /** Whether one was asked for since the last call; a file that asked is gone then. */
  take(): boolean;
  [Symbol.dispose](): void;
}

/** Takes requests until disposed: SIGUSR2, or the file `save-now` in the folder of the run. */
export function listenForSave(directory: string, notice: (text: string) => void): SaveRequest {
  const file = join(directory, SAVE_NOW);
  let isAsked = false;
  const listener = (): void => {
    isAsked = true;
    notice('SIGUSR2: saving a checkpoint after this step, and going on.');
  };
  process.on('SIGUSR2', listener);
  return {
    take() {
      const hasFile = existsSync(file);
      if (hasFile) {
        rmSync(file, { force: true });
        notice(`${SAVE_NOW}: saving a checkpoint after this step, and going on.`);
      }
      const asked = hasFile || isAsked;
      isAsked = false;
      return asked;
    },
    [Symbol.dispose]() {
      process.off('SIGUSR2', listener);
    },
  };
}
