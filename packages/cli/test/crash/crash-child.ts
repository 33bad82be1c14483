/**
 * A process that trains by the real command line and dies at a place: `PLACE@N` is the n-th time that it comes by
 * PLACE. Places are those that a run tells its hooks of and, as `save ...`, every call of the file system in a save.
 * `-` lives on. With `SIGTERM:PLACE@N` it first asks itself to stop there. Places go to the file given, one a line.
 */
import { appendFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { diskFileSystem, type FileHandleLike, type FileSystem } from '@dawngrad/models/node';
import { main } from '../../src/main.ts';

const [target = '-', log = '', ...args] = process.argv.slice(2);
const [, stopPlace, stopCount, diePlace = '', dieCount] =
  /^(?:SIGTERM:(.+)@(\d+):)?(.+?)(?:@(\d+))?$/.exec(target) ?? [];
const counts = new Map<string, number>();

function at(place: string): void {
  const count = (counts.get(place) ?? 0) + 1;
  counts.set(place, count);
  if (log !== '') appendFileSync(log, `${place}\n`);
  if (place === stopPlace && count === Number(stopCount)) process.kill(process.pid, 'SIGTERM');
  if (place === diePlace && count === Number(dieCount)) process.kill(process.pid, 'SIGKILL');
}

/** Names of checkpoints and temporary files differ from save to save and from process to process. */
function named(path: string): string {
  const part = (name: string): string =>
    name.replace(/^\.tmp-(step|latest|best).*/, '.tmp-$1').replace(/^step-\d+$/, 'step');
  const [folder, name] = [part(basename(dirname(path))), part(basename(path))];
  return name === 'ckpt' ? name : `${folder}/${name}`;
}

/** The disk, which tells of a call once it is done. */
const told = (call: string, path: string): void => at(`save ${call} ${named(path)}`);
const fileSystem: FileSystem = {
  ...diskFileSystem,
  async open(path, flags) {
    const handle: FileHandleLike = await diskFileSystem.open(path, flags);
    if (flags === 'wx') told('open', path);
    return {
      async write(bytes) {
        const written = await handle.write(bytes);
        told('write', path);
        return written;
      },
      read: (into) => handle.read(into),
      async sync() {
        await handle.sync();
        told('sync', path);
      },
      close: () => handle.close(),
    };
  },
  async mkdir(path, recursive) {
    await diskFileSystem.mkdir(path, recursive);
    told('mkdir', path);
  },
  async rename(from, to) {
    await diskFileSystem.rename(from, to);
    told('rename', to);
  },
  async remove(path) {
    await diskFileSystem.remove(path);
    told('remove', path);
  },
};

process.exitCode = await main(args, {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  hooks: { at, fileSystem, skipsKernelTests: true },
});
