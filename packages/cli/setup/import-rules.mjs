import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import ts from 'typescript';

/** Each package may import the packages before it. */
const ORDER = ['tensor', 'autograd', 'models', 'airl', 'eval', 'cli'];
/** Packages whose core also runs in a browser. */
const BROWSER = ['tensor', 'autograd', 'models'];
/** The part of such a package that is for Node alone. */
const NODE_PART = /^packages\/[^/]+\/src\/(node\.ts$|node\/)/;
/** Dawn's binding is for Node as well; a browser brings its own WebGPU. */
const NODE_ONLY = /^node:|^webgpu$/;

/** @typedef {{ path: string, text: string }} SourceFile a path from the repository's root, with slashes */

/**
 * Checks who imports whom: packages import only what is beneath them and only by its public entries, no file
 * loads itself through others, and what runs in a browser imports nothing of Node. Imports of types count too, except
 * in cycles: they are gone when the code runs.
 *
 * @param {readonly SourceFile[]} files all sources, tests and benches
 * @returns {string[]} one line for each breach
 */
export function importBreaches(files) {
  const paths = new Set(files.map((file) => file.path));
  /** @type {Map<string, string[]>} */
  const graph = new Map();
  /** @type {string[]} */
  const breaches = [];
  for (const { path, text } of files) {
    for (const { fileName } of ts.preProcessFile(text, true, true).importedFiles) {
      const breach = breachOf(path, fileName);
      if (breach !== undefined) breaches.push(`${path}: ${breach}`);
      if (!fileName.startsWith('.')) continue;
      const target = posix.join(posix.dirname(path), fileName);
      if (!paths.has(target)) breaches.push(`${path}: imports ${fileName}, which is no file`);
    }
    const loaded = loadedModules(path, text).map((name) => posix.join(posix.dirname(path), name));
    graph.set(
      path,
      loaded.filter((target) => paths.has(target)),
    );
  }
  return [...breaches, ...cycles(graph)];
}

/**
 * @param {string} path
 * @param {string} specifier
 * @returns {string | undefined}
 */
function breachOf(path, specifier) {
  const own = packageOf(path);
  if (specifier.startsWith('.')) {
    const target = packageOf(posix.join(posix.dirname(path), specifier));
    return target === own
      ? undefined
      : `reaches into ${target ?? 'the repository'} by a path; import @dawngrad/${target}`;
  }
  const isCore = own !== undefined && BROWSER.includes(own) && path.includes('/src/') && !NODE_PART.test(path);
  if (isCore && NODE_ONLY.test(specifier)) return `imports ${specifier}, but runs in a browser (put it in src/node/)`;
  const match = /^@dawngrad\/([^/]+)(\/.*)?$/.exec(specifier);
  const imported = match?.[1];
  if (imported === undefined) return undefined;
  const isNodeEntry = match?.[2] === '/node';
  if (isCore && isNodeEntry) return `imports ${specifier}, but runs in a browser (put it in src/node/)`;
  if (own === imported && path.includes('/src/')) return `imports its own package by name`;
  // Benches sit on top of all, and a package's own tests may use what it publishes.
  const from = own === undefined ? ORDER.length : ORDER.indexOf(own);
  const to = ORDER.indexOf(imported);
  return to < 0 || to > from ? `imports ${specifier}, which is not beneath it (${ORDER.join(' <- ')})` : undefined;
}

/**
 * The files that a module loads before it runs.
 *
 * @param {string} path
 * @param {string} text
 * @returns {string[]}
 */
function loadedModules(path, text) {
  const names = [];
  for (const statement of ts.createSourceFile(path, text, ts.ScriptTarget.Latest).statements) {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) continue;
    const specifier = statement.moduleSpecifier;
    if (specifier === undefined || !ts.isStringLiteral(specifier) || isTypeOnly(statement)) continue;
    names.push(specifier.text);
  }
  return names.filter((name) => name.startsWith('.'));
}

/** @param {ts.ImportDeclaration | ts.ExportDeclaration} statement */
function isTypeOnly(statement) {
  if (ts.isExportDeclaration(statement)) return statement.isTypeOnly;
  return statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
}

/** @param {string} path */
function packageOf(path) {
  return /^packages\/([^/]+)\//.exec(path)?.[1];
}

/**
 * Depth-first search; a way back to a file that is still being visited closes a cycle.
 *
 * @param {Map<string, string[]>} graph
 * @returns {string[]}
 */
function cycles(graph) {
  /** @type {Set<string>} */
  const done = new Set();
  /** @type {string[]} */
  const trail = [];
  /** @type {string[]} */
  const found = [];
  /** @param {string} path */
  const visit = (path) => {
    const start = trail.indexOf(path);
    if (start >= 0) found.push(`cycle: ${[...trail.slice(start), path].join(' -> ')}`);
    if (start >= 0 || done.has(path)) return;
    trail.push(path);
    for (const next of graph.get(path) ?? []) visit(next);
    trail.pop();
    done.add(path);
  };
  for (const path of graph.keys()) visit(path);
  return found;
}

/**
 * Reads every source of the packages and the bench, tests and set-up included.
 *
 * @param {string} root
 * @returns {SourceFile[]}
 */
export function readSources(root) {
  const packages = readdirSync(join(root, 'packages')).map((name) => `packages/${name}`);
  const folders = [...packages, 'bench'].flatMap((name) =>
    ['src', 'page', 'test', 'setup', 'bin'].map((sub) => `${name}/${sub}`),
  );
  return folders
    .flatMap((folder) => listSources(root, folder))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

/**
 * @param {string} root
 * @param {string} folder
 * @returns {string[]}
 */
function listSources(root, folder) {
  /** @type {import('node:fs').Dirent[]} */
  let entries;
  try {
    entries = readdirSync(join(root, folder), { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return listSources(root, path);
    return /\.(ts|mjs)$/.test(entry.name) ? [path] : [];
  });
}
