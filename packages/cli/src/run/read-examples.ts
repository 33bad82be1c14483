import type { BadRowPolicy, DatasetName } from '@dawngrad/airl';
import { type LoadedExamples, loadExamples } from '@dawngrad/airl/node';
import { downloadDatasetFile } from '@dawngrad/models/node';
import { hubDownload } from './hub-download.ts';
import type { ResolveModelOptions } from './resolve-model.ts';
import { startingCommit } from './starting-commit.ts';

export interface ExamplesConfig {
  readonly format: DatasetName;
  /** A file, a folder, or `datasets/owner/name` on the hub; `resolveConfig` asks for it. */
  readonly path: string | null;
  readonly max_rows: number | null;
  /** Absent or null: the split that the verb works on. */
  readonly split?: string | null;
  readonly bad_rows?: BadRowPolicy;
}

/**
 * The rows of `data.path`, and the files that they came from. Throws ToolError 'config' or 'corrupt' with
 * file and row.
 */
export function readExamples(
  config: ExamplesConfig,
  defaultSplit: string,
  options: ResolveModelOptions = {},
): Promise<LoadedExamples> {
  const { format, path, max_rows, split, bad_rows } = config;
  const { run } = options;
  return loadExamples(path as string, {
    dataset: format,
    split: split ?? defaultSplit,
    ...(bad_rows === undefined ? {} : { badRows: bad_rows }),
    ...(max_rows === null ? {} : { maxRows: max_rows }),
    fromHub: (repo, file, revision) => {
      const started = run === undefined ? undefined : startingCommit(run.directory, run.role, 'dataset', repo);
      const commit = started ?? revision;
      const name = commit === undefined ? repo : `${repo}@${commit}`;
      return hubDownload(options, (hubOptions) => downloadDatasetFile(name, file, hubOptions));
    },
  });
}
