import { type CollectedExamples, type CollectOptions, ExampleCollector } from '../data/collect-examples.ts';
import { type LocateOptions, locateData } from './locate-data.ts';
import { readRows } from './read-rows.ts';

export interface LoadExamplesOptions extends LocateOptions, CollectOptions {}

export interface LoadedExamples extends CollectedExamples {
  /** The files that were read, for a run's record of its inputs. */
  readonly files: readonly string[];
}

/**
 * The examples behind `data.path`: see `locateData` for what a path may be, `readRows` for the kinds of
 * files and `DATASETS` for the kinds of rows. Rows are read one by one; only the examples are kept.
 *
 * @throws ToolError `config` for bad rows (one message that names file and rows) and for paths that lead
 * nowhere, `corrupt` for damaged files
 */
export async function loadExamples(path: string, options: LoadExamplesOptions): Promise<LoadedExamples> {
  const files = await locateData(path, options);
  const collector = new ExampleCollector(options.dataset, options);
  let wantsMore = true;
  for (const file of files) {
    for await (const row of readRows(file)) {
      wantsMore = collector.add(row);
      if (!wantsMore) break;
    }
    if (!wantsMore) break;
  }
  return { ...collector.finish(files.length === 1 ? files[0]! : path), files };
}
