import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { downloadModel, type HubModel, type HubRepo, isHubUrl, parseHubRepo } from '@dawngrad/models/node';
import { ToolError } from '@dawngrad/tensor';
import { StoppedError } from '../stopped-error.ts';
import { Progress } from '../ui/progress.ts';
import { byteCount } from '../ui/progress-bytes.ts';
import { CONFIG } from './run-directory.ts';
import type { InputRole } from './run-inputs.ts';
import { startingCommit } from './starting-commit.ts';

export interface ResolveModelOptions {
  /** Prints progress and notes; the standard error stream unless given. */
  readonly err?: (text: string) => void;
  /** A run that goes on: it gets the commit that it started with, wherever the branch is now. */
  readonly run?: { readonly directory: string; readonly role: InputRole };
}

/**
 * The folder of a model that a user named: a folder of that name or, where there is none, `owner/name[@revision]` on
 * the hub, brought into the hub's cache. `hf://owner/name` always means the hub. Text of another form comes back as it
 * is. Throws ToolError as `downloadModel`; StoppedError on SIGINT and SIGTERM, after which the same command goes on
 * where the download was.
 */
export async function resolveModel(name: string, options: ResolveModelOptions = {}): Promise<string> {
  const { err = (text) => void process.stderr.write(text), run } = options;
  const isTerminal = process.stderr.isTTY === true;
  const progress = new Progress({ write: err, isTerminal, nowMs: () => performance.now() });
  const repo = parseHubRepo(name);
  if (!isHubUrl(name)) {
    if (existsSync(name)) {
      // Of a run it is plain that it is a folder.
      if (repo !== undefined && !existsSync(join(name, CONFIG))) progress.note(`model: the local folder ${name}`);
      return name;
    }
    if (repo?.type !== 'model') return name;
    refuseFolderName(name);
  } else if (repo?.type !== 'model') {
    throw new ToolError('config', {
      op: name,
      expected: 'hf://owner/name or hf://owner/name@revision',
      got: 'another form',
    });
  }
  const started = run === undefined ? undefined : startingCommit(run.directory, run.role, repo);
  return (await download(progress, started === undefined ? repo : { ...repo, revision: started })).folder;
}

/** A slip in the name of a local folder is not a reason to ask a server on the network. */
function refuseFolderName(name: string): void {
  const parent = name.split('/')[0] as string;
  if (!existsSync(parent)) return;
  throw new ToolError('config', {
    op: name,
    expected: 'the folder of a model',
    got: `none of that name in ${resolve(parent)}`,
    hint: `If the model of that name on the hub is meant, write hf://${name}.`,
  });
}

async function download(progress: Progress, { name, revision }: HubRepo): Promise<HubModel> {
  const stop = new AbortController();
  using _signals = onStop((error) => stop.abort(error));
  try {
    const model = await downloadModel(`${name}@${revision}`, {
      env: process.env,
      signal: stop.signal,
      onNote: (text) => progress.note(text),
      onProgress: ({ doneBytes, totalBytes, file }) => progress.bytes('get', doneBytes, totalBytes, file),
    });
    progress.close();
    const got = model.downloadedBytes === 0 ? 'in the cache' : `${byteCount(model.downloadedBytes)} downloaded`;
    progress.note(`model: ${name} at commit ${model.commit.slice(0, 12)}, ${got}: ${model.folder}`);
    return model;
  } finally {
    progress.close();
  }
}

/** Calls `act` on the first SIGINT or SIGTERM; a second one ends the process at once. */
function onStop(act: (error: StoppedError) => void): Disposable {
  const codes = { SIGINT: 130, SIGTERM: 143 } as const;
  let isAsked = false;
  const listener = (signal: NodeJS.Signals): void => {
    const code = codes[signal as keyof typeof codes];
    if (isAsked) process.exit(code);
    isAsked = true;
    act(
      new StoppedError(`${signal}: the download stopped. What came stays: the same command goes on from there.`, code),
    );
  };
  for (const signal of Object.keys(codes)) process.on(signal, listener);
  return {
    [Symbol.dispose]() {
      for (const signal of Object.keys(codes)) process.off(signal, listener);
    },
  };
}
