#!/usr/bin/env node
// The `dawngrad` command. Help and other verbs that compute nothing run right here; the rest run in a child that is
// started so that Dawn finds an adapter, unless this process is that child.
import { existsSync } from 'node:fs';

const BUNDLE = new URL('../bundle/dawngrad.mjs', import.meta.url);
const args = process.argv.slice(2);

async function runHere() {
  if (!existsSync(BUNDLE)) {
    process.stderr.write('dawngrad is not built yet: run `npm run dawngrad -- --help` once in its folder.\n');
    return 1;
  }
  const { mergeInterrupts } = await import('../setup/merge-interrupts.mjs');
  mergeInterrupts();
  const { main } = await import(BUNDLE.href);
  return main(args);
}

async function run() {
  const { hasAdapter, launch, needsAdapter } = await import('../setup/launcher.mjs');
  if (!needsAdapter(args) || hasAdapter(process.env)) return runHere();
  return launch(args, process.env, (line) => process.stderr.write(`gpu: ${line}\n`));
}

try {
  process.exitCode = await run();
} catch (error) {
  const isExpected = error?.name === 'SetupError';
  process.stderr.write(`${isExpected ? error.message : (error?.stack ?? error)}\n`);
  process.exitCode = isExpected ? error.exitCode : 1;
}
