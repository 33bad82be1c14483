import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import type { JaxJs } from './jax-js.ts';
import type { Tfjs } from './tfjs.ts';

/** Gradients of TensorFlow.js are registered by a module that only a bundler can resolve. */
const TFJS_ENTRY = `export * from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops';
import '@tensorflow/tfjs-backend-webgpu';`;
const JAX_ENTRY = `export * from '@jax-js/jax';`;

/** What is used of esbuild, which is among the packages of the folder. */
interface Esbuild {
  build(options: {
    stdin: { contents: string; resolveDir: string };
    bundle: true;
    platform: 'node';
    format: 'cjs';
    outfile: string;
    logLevel: 'error';
  }): Promise<unknown>;
}

/** Bundles and loads the libraries that are installed in `folder`. Browser globals must be there already. */
export async function loadPeers(folder: string): Promise<{ jax: JaxJs; tfjs: Tfjs }> {
  const root = resolve(folder);
  const missing = ['esbuild', '@jax-js/jax', '@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-webgpu'].filter(
    (name) => !existsSync(join(root, 'node_modules', name)),
  );
  if (missing.length > 0) {
    throw new ToolError('usage', {
      op: '--peers',
      expected: 'a folder with the other libraries installed',
      got: `${root} without ${missing.join(', ')}`,
      hint: 'bench/src/peers/README.md says how to install them.',
    });
  }
  const require = createRequire(join(root, 'package.json'));
  const esbuild = require('esbuild') as Esbuild;
  const load = async (name: string, contents: string): Promise<unknown> => {
    const outfile = join(root, `dawngrad-bench-${name}.cjs`);
    await esbuild.build({
      stdin: { contents, resolveDir: root },
      bundle: true,
      platform: 'node',
      format: 'cjs',
      outfile,
      logLevel: 'error',
    });
    return require(outfile);
  };
  return { jax: (await load('jax-js', JAX_ENTRY)) as JaxJs, tfjs: (await load('tfjs', TFJS_ENTRY)) as Tfjs };
}
