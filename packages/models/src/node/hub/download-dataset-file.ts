import { join } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import { fetchFiles } from './fetch-files.ts';
import { hubError } from './hub-refusal.ts';
import { parseHubRepo } from './hub-repo.ts';
import { findCommit, type HubOptions, isPathInside, listFolder, openHubSession } from './hub-session.ts';

/**
 * Brings one file of a dataset from the hub into the cache, as `downloadModel` does, and returns where it lies.
 *
 * @param repo `owner/name` or `owner/name@revision`, also with `datasets/` before it
 * @param path the file's path in the repository
 * @throws ToolError as `downloadModel`
 */
export async function downloadDatasetFile(repo: string, path: string, options: HubOptions): Promise<string> {
  const parsed = parseHubRepo(/^(?:hf:\/\/)?datasets\//.test(repo) ? repo : `datasets/${repo}`);
  if (parsed?.type !== 'dataset' || !isPathInside(path)) {
    throw new ToolError('config', {
      op: 'hub',
      expected: 'a dataset as owner/name or owner/name@revision, and the path of a file in it',
      got: `${JSON.stringify(repo)}, ${JSON.stringify(path)}`,
    });
  }
  const session = await openHubSession(parsed, options);
  const { client, cache } = session;
  const found = await findCommit(session);
  const place = found === undefined ? undefined : join(cache.snapshot(found.commit), path);
  if (found === undefined || place === undefined || (!found.isFresh && !(await cache.has(found.commit, path)))) {
    const hint = 'Download it once while the hub can be reached, or name a file.';
    const where = `revision ${parsed.revision} of it in ${cache.folder}`;
    throw hubError('config', { ...client, file: path }, where, 'no such file, and the hub is not asked', hint);
  }
  if (!found.isFresh) return place;
  const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
  const subject = { ...client, file: path };
  const file = (await listFolder(subject, found.commit, folder)).find((listed) => listed.path === path);
  if (file === undefined) {
    const page = `${client.settings.endpoint}/datasets/${parsed.name}/tree/${parsed.revision}`;
    throw hubError('config', subject, 'a file of that name', 'none', `The files are listed at ${page}.`);
  }
  await fetchFiles(session, found.commit, [file]);
  return place;
}
