import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Contender } from './contender.ts';
import { JAX_JS, type JaxJs, jaxContender } from './jax-js.ts';
import { ONNX_RUNTIME, type OnnxRuntime, onnxRuntimeContender } from './onnxruntime.ts';
import { TFJS, type Tfjs, tfjsContender } from './tfjs.ts';
import type { Workload } from './workload.ts';

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

interface Peer {
  readonly name: string;
  /** Packages that must be in the folder. */
  readonly packages: readonly string[];
  /** What it takes part in. */
  readonly kinds: readonly Workload['kind'][];
  readonly load: (folder: string) => Promise<Contender>;
}

/** Every library that is compared with. Browser globals must be there before one is loaded. */
export const PEERS: readonly Peer[] = [
  {
    name: JAX_JS,
    packages: ['@jax-js/jax', 'esbuild'],
    kinds: ['matmul', 'attention', 'train'],
    load: async (folder) => jaxContender((await bundled(folder, 'jax-js', JAX_ENTRY)) as JaxJs),
  },
  {
    name: TFJS,
    packages: ['@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-webgpu', 'esbuild'],
    kinds: ['matmul', 'attention', 'train'],
    load: async (folder) => tfjsContender((await bundled(folder, 'tfjs', TFJS_ENTRY)) as Tfjs),
  },
  {
    name: ONNX_RUNTIME,
    packages: ['onnxruntime-web'],
    kinds: ['matmul'],
    load: async (folder) => {
      // It has its WebAssembly beside it, so it is not bundled again.
      const file = join(folder, 'node_modules/onnxruntime-web/dist/ort.webgpu.bundle.min.mjs');
      return onnxRuntimeContender((await import(pathToFileURL(file).href)) as OnnxRuntime);
    },
  },
];

/** Packages of a peer that are not in the folder. */
export function missingPackages(peer: Peer, folder: string): string[] {
  return peer.packages.filter((name) => !existsSync(join(folder, 'node_modules', name)));
}

async function bundled(folder: string, name: string, contents: string): Promise<unknown> {
  const require = createRequire(join(folder, 'package.json'));
  const esbuild = require('esbuild') as Esbuild;
  const outfile = join(folder, 'node_modules', '.dawngrad-bench', `${name}.cjs`);
  await esbuild.build({
    stdin: { contents, resolveDir: folder },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    outfile,
    logLevel: 'error',
  });
  return require(outfile);
}
