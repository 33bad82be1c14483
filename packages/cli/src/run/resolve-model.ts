import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { downloadModel, type HubRepo, isHubUrl, parseHubRepo } from '@dawngrad/models/node';
import { ToolError } from '@dawngrad/tensor';
import { plainText } from '../ui/plain-text.ts';
import { byteCount } from '../ui/progress-bytes.ts';
import { type HubDownloadOptions, hubDownload, printError } from './hub-download.ts';
import { CONFIG } from './run-directory.ts';
import type { InputRole } from './run-inputs.ts';
import { startingCommit } from './starting-commit.ts';

export interface ResolveModelOptions extends HubDownloadOptions {
  /** A run that goes on: it gets the commit that it started with, wherever the branch is now. */
  readonly run?: { readonly directory: string; readonly role: InputRole };
}

/** How the models of a run are found: one that goes on gets the commits that it started with. */
export function resolvingFor(
  { dir: directory }: { readonly dir: string },
  resume: boolean,
  { err }: Required<HubDownloadOptions>,
): (role: InputRole) => ResolveModelOptions {
  return (role) => ({ err, ...(resume ? { run: { directory, role } } : {}) });
}

/**
 * The folder of a model that a user named: a folder of that name or, where there is none, `owner/name[@revision]` on
 * the hub, brought into the hub's cache. `hf://owner/name` always means the hub. Text of another form comes back as it
 * is. Throws ToolError as `downloadModel`, StoppedError as `hubDownload`.
 */
export async function resolveModel(name: string, options: ResolveModelOptions = {}): Promise<string> {
  const repo = parseHubRepo(name);
  if (isHubUrl(name)) {
    if (repo?.type === 'model') return download(repo, options);
    throw new ToolError('config', {
      op: name,
      expected: 'hf://owner/name or hf://owner/name@revision',
      got: 'another form',
    });
  }
  if (repo?.type !== 'model') return name;
  if (!existsSync(name)) {
    refuseFolderName(name);
    return await downloadUnnamed(name, repo, options);
  }
  // Of a run it is plain that it is a folder.
  const { err = printError } = options;
  if (!existsSync(join(name, CONFIG))) err(plainText(`model: the local folder ${name}\n`));
  return name;
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

/** An id that may as well be a slip in the name of a folder: where the hub does not have it, both are said. */
async function downloadUnnamed(name: string, repo: HubRepo, options: ResolveModelOptions): Promise<string> {
  try {
    return await download(repo, options);
  } catch (cause) {
    if (!(cause instanceof ToolError)) throw cause;
    const { hint } = cause.detail;
    const folder = `There is no folder ${name} here, so it was taken as an id of the hub.`;
    throw new ToolError(cause.code, {
      ...cause.detail,
      hint: hint === undefined ? folder : `${folder} ${hint}`,
      cause,
    });
  }
}

function download({ type, name, revision }: HubRepo, options: ResolveModelOptions): Promise<string> {
  const { run } = options;
  const started = run === undefined ? undefined : startingCommit(run.directory, run.role, type, name);
  return hubDownload(options, async (hubOptions, progress) => {
    const model = await downloadModel(`${name}@${started ?? revision}`, hubOptions);
    progress.close();
    const got = model.downloadedBytes === 0 ? 'in the cache' : `${byteCount(model.downloadedBytes)} downloaded`;
    progress.note(`model: ${name} at commit ${model.commit.slice(0, 12)}, ${got}: ${model.folder}`);
    return model.folder;
  });
}
