import { existsSync, readdirSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import type { HubSource } from '../data/dataset.ts';
import { type DatasetName, datasets } from '../data/datasets.ts';
import { DATA_FILE_ENDINGS } from './read-rows.ts';

/** Fetches one file of a data set on the hub and gives its local path. */
export type DatasetFileResolver = (repo: string, file: string, revision?: string) => Promise<string>;

export interface LocateOptions {
  readonly dataset: DatasetName;
  /** The split of a folder or of a data set on the hub. Default `train`. */
  readonly split?: string;
  /** Absent: names of the hub are refused. */
  readonly fromHub?: DatasetFileResolver;
}

const HUB_PREFIX = 'datasets/';

/**
 * The files behind `data.path`, in order: a file; a folder with files of rows, with a folder for each
 * split, or as `datasets` saves it; or `datasets/owner/name[@revision][/file]` on the hub, where the
 * published files of the data set's split are taken if no file is named. A local path wins.
 *
 * @throws ToolError `config` naming what was looked for
 */
export async function locateData(path: string, options: LocateOptions): Promise<string[]> {
  const { split = 'train' } = options;
  if (existsSync(path)) return statSync(path).isDirectory() ? filesOfFolder(path, split) : [path];
  const hub = parseHubName(path);
  if (hub === undefined) {
    throw new ToolError('config', {
      op: path,
      expected: 'a file, a folder, or datasets/owner/name on the hub',
      got: 'nothing of that name',
    });
  }
  const { repo, revision, file } = hub;
  const files = file === undefined ? publishedFiles(repo, split, options.dataset) : [file];
  const { fromHub } = options;
  if (fromHub === undefined) {
    throw new ToolError('config', { op: path, expected: 'a local file or folder', got: 'a name on the hub' });
  }
  const located: string[] = [];
  // One after another: the hub limits rates, and a failed file should be the only one under way.
  for (const name of files) located.push(await fromHub(repo, name, revision));
  return located;
}

function parseHubName(path: string): { repo: string; revision?: string; file?: string } | undefined {
  if (!path.startsWith(HUB_PREFIX)) return undefined;
  const match = /^([\w.-]+\/[\w.-]+)(?:@([\w.-]+))?(?:\/(.+))?$/.exec(path.slice(HUB_PREFIX.length));
  const [, repo, revision, file] = match ?? [];
  if (repo === undefined || file?.split('/').some((part) => part === '..' || part === '')) return undefined;
  return { repo, ...(revision === undefined ? {} : { revision }), ...(file === undefined ? {} : { file }) };
}

function publishedFiles(repo: string, split: string, dataset: DatasetName): readonly string[] {
  const source: HubSource | undefined = datasets.get(dataset).source;
  const files = source?.repo.toLowerCase() === repo.toLowerCase() ? source.files[split] : undefined;
  if (files !== undefined) return files;
  throw new ToolError('config', {
    op: `datasets/${repo}`,
    expected:
      source === undefined
        ? `a file's name (the published files of ${dataset} are not known)`
        : `${source.repo} with a split of ${Object.keys(source.files).join(', ')}, or a file's name`,
    got: `split ${split} of ${repo}`,
    hint: `name the file: datasets/${repo}/FILE.parquet.`,
  });
}

function filesOfFolder(folder: string, split: string): string[] {
  const names = readdirSync(folder).toSorted();
  // A folder for each split, as `DatasetDict.save_to_disk` writes.
  if (names.includes(split) && statSync(join(folder, split)).isDirectory()) {
    return filesOfFolder(join(folder, split), split);
  }
  const data = names.filter((name) => DATA_FILE_ENDINGS.includes(extname(name)) && !isSidecar(name));
  const ofSplit = data.filter((name) => name === `${split}${extname(name)}` || name.startsWith(`${split}-`));
  const chosen = ofSplit.length > 0 ? ofSplit : data;
  const ambiguous = ofSplit.length === 0 && data.length > 1 && !data.every((name) => /-\d+-of-\d+\./.test(name));
  if (chosen.length === 0 || ambiguous) {
    throw new ToolError('config', {
      op: folder,
      expected: `a folder ${split}/, or files ${split}.* or ${split}-* of rows`,
      got: data.length === 0 ? 'no files of rows' : data.slice(0, 8).join(', '),
      hint: 'name one file.',
    });
  }
  return chosen.map((name) => join(folder, name));
}

/** What `datasets` writes beside the rows. */
function isSidecar(name: string): boolean {
  return name === 'state.json' || name === 'dataset_info.json' || name === 'dataset_dict.json';
}
