/** A repository of a hub at a revision. */
export interface HubRepo {
  readonly type: 'model' | 'dataset';
  /** `owner/name`. */
  readonly name: string;
  /** A branch, a tag or a commit; `main` where none is given. */
  readonly revision: string;
}

const SCHEME = 'hf://';
const DATASETS = 'datasets/';
const MAX_NAME = 96;
const MAX_REVISION = 200;

/**
 * Reads `owner/name`, `owner/name@revision`, `datasets/owner/name@revision`, each also after `hf://`. Undefined where
 * the text is nothing of that form: names are those that the hub itself allows (huggingface_hub, `validate_repo_id`).
 */
export function parseHubRepo(text: string): HubRepo | undefined {
  const id = text.startsWith(SCHEME) ? text.slice(SCHEME.length) : text;
  const isDataset = id.startsWith(DATASETS) && id.split('@')[0]!.split('/').length === 3;
  const [name = '', ...revisions] = (isDataset ? id.slice(DATASETS.length) : id).split('@');
  const parts = name.split('/');
  if (parts.length !== 2 || name.length > MAX_NAME || !parts.every(isRepoPart)) return undefined;
  const revision = revisions.length === 0 ? 'main' : revisions.join('@');
  return isRevision(revision) ? { type: isDataset ? 'dataset' : 'model', name, revision } : undefined;
}

/** Whether a text says that it names a repository, and nothing else. */
export function isHubUrl(text: string): boolean {
  return text.startsWith(SCHEME);
}

/** A repository as its page is called: `owner/name` or `datasets/owner/name`. */
export function repoPath({ type, name }: HubRepo): string {
  return type === 'model' ? name : `${DATASETS}${name}`;
}

/** Whether a revision is a whole commit hash, which always means the same content. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

function isRepoPart(part: string): boolean {
  return /^\w(?:[\w.-]*\w)?$/.test(part) && !/--|\.\.|\.git$/.test(part);
}

/** A revision becomes a path in the cache: `refs/<revision>`. */
function isRevision(revision: string): boolean {
  return revision.length <= MAX_REVISION && revision.split('/').every((part) => /^\w[\w.+-]*$/.test(part));
}
