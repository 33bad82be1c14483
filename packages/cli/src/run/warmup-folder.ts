import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CRITIC_FOLDER } from '@dawngrad/airl/node';
import { readPointer } from '@dawngrad/models/node';
import { ToolError } from '@dawngrad/tensor';
import { CHECKPOINTS, CONFIG } from './run-directory.ts';

/**
 * The checkpoint whose critic a run starts as (`warmup.load_from`): the one given or, for the folder of a run, that at
 * the end of its critic's warm-up, which it was to keep. Throws ToolError 'config'.
 */
export async function warmupFolder(path: string): Promise<string> {
  const op = 'warmup.load_from';
  if (existsSync(join(path, CONFIG))) {
    const checkpoints = join(path, CHECKPOINTS);
    const name = await readPointer(checkpoints, 'warmup');
    if (name !== undefined) return join(checkpoints, name);
    throw new ToolError('config', {
      op,
      expected: "a run that kept the checkpoint at the end of its critic's warm-up (warmup.keep=true)",
      got: path,
      hint: `to start as a critic of its rounds, name a checkpoint in ${checkpoints}.`,
    });
  }
  if (existsSync(join(path, CRITIC_FOLDER))) return path;
  throw new ToolError('config', {
    op,
    expected: 'a run of train irl, or one of its checkpoints',
    got: existsSync(path) ? `${path}, which has no ${CRITIC_FOLDER}/` : `${path}, which is not there`,
  });
}
