// Bundles the command from the packages' sources into packages/cli/bundle. Split at the dynamic imports, so that help
// loads only what help needs.
import { rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { pageScriptBundle } from './bundle-page.mjs';

const cli = fileURLToPath(new URL('..', import.meta.url));
rmSync(`${cli}/bundle`, { recursive: true, force: true });

await build({
  absWorkingDir: cli,
  entryPoints: { dawngrad: 'src/main.ts' },
  outdir: 'bundle',
  outExtension: { '.js': '.mjs' },
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  conditions: ['dawngrad-source'],
  sourcemap: 'linked',
  // Native packages load their binaries by path, so they stay where npm put them. vega asks for canvas if it is there.
  external: ['webgpu', 'canvas', '@resvg/resvg-js'],
  // CommonJS dependencies call require for Node's own modules.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module';\nconst require = __createRequire(import.meta.url);",
  },
  logLevel: 'warning',
});

writeFileSync(`${cli}/bundle/report-page.js`, await pageScriptBundle());
