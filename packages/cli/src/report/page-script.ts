import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ToolError } from '@dawngrad/tensor';
import { packageFolder } from '../package-info.ts';

/** Where setup/bundle.mjs puts the page's script. */
const BUNDLED = 'bundle/report-page.js';

/** The script of report pages. From the sources it is bundled here and now, so that it fits them. */
export async function pageScript(): Promise<string> {
  if (import.meta.url.endsWith('.ts')) {
    const { pageScriptBundle }: { pageScriptBundle: () => Promise<string> } = await import(bundlerPath());
    return pageScriptBundle();
  }
  const path = join(packageFolder(), BUNDLED);
  if (existsSync(path)) return readFileSync(path, 'utf8');
  throw new ToolError('failed', {
    op: path,
    expected: 'the script of report pages, which the build puts there',
    got: 'no such file',
    hint: 'build again: npm run dawngrad -- --version',
  });
}

/** By its path and not by its name: the bundler is no part of the bundle. */
function bundlerPath(): string {
  return fileURLToPath(new URL('../../setup/bundle-page.mjs', import.meta.url));
}
