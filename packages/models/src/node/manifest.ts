import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import { decodeUtf8 } from '../io/byte-source.ts';
import { describeJson, isJsonObject, parseStrictJsonObject } from '../io/strict-json.ts';
import { diskFileSystem, type FileSystem } from './file-system.ts';
import { describeFsError } from './io-error.ts';

/** Written last: a directory without it was never finished. */
export const MANIFEST_FILE = 'manifest.json';
const MANIFEST_CAP_BYTES = 4 << 20;
const BLOCK_BYTES = 1 << 20;

export interface ManifestFile {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
}

/** What a complete directory holds. Further keys are the writer's own (`extra` of `writeDirectory`). */
export interface Manifest {
  readonly version: 1;
  /** All files but the manifest, by name. */
  readonly files: readonly ManifestFile[];
  readonly [extra: string]: unknown;
}

/** What is wrong with a file of a directory. */
export interface DirectoryFault {
  readonly file: string;
  readonly problem: string;
}

export interface DirectoryCheck {
  /** Absent when the manifest itself is missing or damaged. */
  readonly manifest?: Manifest;
  /** Empty for a directory that is complete and unchanged. */
  readonly faults: readonly DirectoryFault[];
}

export function encodeManifest(manifest: Manifest): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`);
}

/**
 * Compares a directory with its manifest, size and SHA-256 of every file. Never throws for a damaged directory: the
 * faults say what is wrong. Files that the manifest does not know are none of its business.
 */
export async function verifyDirectory(
  directory: string,
  fileSystem: FileSystem = diskFileSystem,
): Promise<DirectoryCheck> {
  let manifest: Manifest;
  try {
    manifest = parseManifest(await readCapped(fileSystem, join(directory, MANIFEST_FILE), MANIFEST_CAP_BYTES));
  } catch (cause) {
    return { faults: [{ file: MANIFEST_FILE, problem: problemOf(cause) }] };
  }
  const faults: DirectoryFault[] = [];
  for (const { name, size, sha256 } of manifest.files) {
    try {
      const found = await digest(fileSystem, join(directory, name));
      if (found.size !== size) faults.push({ file: name, problem: `${found.size} bytes instead of ${size}` });
      else if (found.sha256 !== sha256) faults.push({ file: name, problem: 'contents that differ from its checksum' });
    } catch (cause) {
      faults.push({ file: name, problem: problemOf(cause) });
    }
  }
  return { manifest, faults };
}

function parseManifest(bytes: Uint8Array): Manifest {
  const text = decodeUtf8(MANIFEST_FILE, bytes);
  const json = parseStrictJsonObject(MANIFEST_FILE, text, { maxDepth: 32, maxKeys: 10_000 });
  const { version, files } = json;
  if (version !== 1) throw corrupt('version 1', describeJson(version));
  if (!Array.isArray(files)) throw corrupt('an array files', describeJson(files));
  return { ...json, version, files: (files as unknown[]).map(parseFile) };
}

function parseFile(value: unknown): ManifestFile {
  if (!isJsonObject(value)) throw corrupt('an object for each file', describeJson(value));
  const { name, size, sha256 } = value;
  if (typeof name !== 'string' || !name.split('/').every((part) => /^[\w][\w.-]*$/.test(part))) {
    throw corrupt('plain file names', describeJson(name));
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw corrupt(`a size of ${name}`, describeJson(size));
  }
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) {
    throw corrupt(`a SHA-256 of ${name}`, describeJson(sha256));
  }
  return { name, size, sha256 };
}

async function digest(fileSystem: FileSystem, path: string): Promise<{ size: number; sha256: string }> {
  const hash = createHash('sha256');
  let size = 0;
  await readBlocks(fileSystem, path, (block) => {
    hash.update(block);
    size += block.byteLength;
  });
  return { size, sha256: hash.digest('hex') };
}

async function readCapped(fileSystem: FileSystem, path: string, capBytes: number): Promise<Uint8Array> {
  const blocks: Uint8Array[] = [];
  let size = 0;
  await readBlocks(fileSystem, path, (block) => {
    size += block.byteLength;
    if (size > capBytes) throw corrupt(`at most ${capBytes} bytes`, 'more');
    blocks.push(block.slice());
  });
  return Buffer.concat(blocks);
}

async function readBlocks(fileSystem: FileSystem, path: string, use: (block: Uint8Array) => void): Promise<void> {
  const handle = await fileSystem.open(path, 'r');
  try {
    const block = new Uint8Array(BLOCK_BYTES);
    for (;;) {
      const count = await handle.read(block);
      if (count === 0) return;
      use(block.subarray(0, count));
    }
  } finally {
    await handle.close();
  }
}

function problemOf(cause: unknown): string {
  if (cause instanceof ToolError) return `${cause.detail.got} instead of ${cause.detail.expected}`;
  return describeFsError(cause);
}

function corrupt(expected: string, got: string): ToolError {
  return new ToolError('corrupt', { op: MANIFEST_FILE, expected, got });
}
