import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/**
 * The script of report pages as one text: classic, since a page that is opened from a file loads no modules.
 *
 * @returns {Promise<string>}
 */
export async function pageScriptBundle() {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('../../eval/page/main.ts', import.meta.url))],
    bundle: true,
    write: false,
    minify: true,
    format: 'iife',
    platform: 'browser',
    target: 'es2023',
    charset: 'ascii',
    logLevel: 'warning',
  });
  return outputFiles[0]?.text ?? '';
}
