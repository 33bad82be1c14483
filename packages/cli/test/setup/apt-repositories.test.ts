import { describe, expect, it } from 'vitest';
import { aptDistribution, aptRepositories, firstThatWorks } from '../../setup/apt-repositories.mjs';
import { lavapipeSources } from '../../setup/lavapipe-unpack.mjs';

const PRINTED = `'https://tool.test/linux/debian/dists/bookworm/InRelease' a 0
'https://tool.test/linux/debian/dists/bookworm/stable/binary-amd64/Packages.xz' b 0
'http://mirror.test/debian-security/dists/bookworm-security/main/binary-amd64/Packages.xz' c 0
'http://mirror.test/debian/dists/bookworm-updates/main/binary-amd64/Packages.xz' d 0
'http://mirror.test/debian/dists/bookworm/InRelease' e 0
'http://mirror.test/debian/dists/bookworm/main/binary-amd64/Packages.xz' f 0
'https://node.test/node_20.x/dists/nodistro/main/binary-amd64/Packages' g 0
`;

describe('aptRepositories', () => {
  it("puts the release's own archive first and leaves other vendors' out", () => {
    const found = aptRepositories({ id: 'debian', codename: 'bookworm' }, PRINTED);
    expect(found).toEqual([
      { uri: 'http://mirror.test/debian', suite: 'bookworm' },
      { uri: 'http://mirror.test/debian', suite: 'bookworm-updates' },
      { uri: 'http://mirror.test/debian-security', suite: 'bookworm-security' },
    ]);
  });

  it('finds none in sources of another release', () => {
    expect(aptRepositories({ id: 'debian', codename: 'trixie' }, PRINTED)).toEqual([]);
  });
});

describe('aptDistribution', () => {
  it('knows Debian, Ubuntu and what is built on them', () => {
    expect(aptDistribution('ID=debian\nVERSION_CODENAME=bookworm\n')).toEqual({ id: 'debian', codename: 'bookworm' });
    expect(aptDistribution('ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\nUBUNTU_CODENAME=noble')).toEqual({
      id: 'ubuntu',
      codename: 'noble',
    });
    expect(
      aptDistribution('ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_CODENAME=wilma\nUBUNTU_CODENAME=noble'),
    ).toEqual({
      id: 'ubuntu',
      codename: 'noble',
    });
    expect(aptDistribution('ID=lmde\nID_LIKE=debian\nVERSION_CODENAME=faye\nDEBIAN_CODENAME=bookworm')).toEqual({
      id: 'debian',
      codename: 'bookworm',
    });
  });

  it('is undefined elsewhere', () => {
    expect(aptDistribution('ID=fedora\nVERSION_ID=41\n')).toBeUndefined();
    expect(aptDistribution('')).toBeUndefined();
  });
});

describe('lavapipeSources', () => {
  it('tries the named recent suite and then backports on Debian', () => {
    const names = lavapipeSources({ id: 'debian', codename: 'bookworm' }).map(({ name }) => name);
    expect(names).toEqual(['lavapipe-forky', 'lavapipe-bookworm-backports']);
  });

  it('stays within the running release on Ubuntu', () => {
    const [source, ...others] = lavapipeSources({ id: 'ubuntu', codename: 'noble' });
    expect(source?.suites).toEqual(['noble', 'noble-updates', 'noble-security']);
    expect(others).toEqual([]);
  });
});

describe('firstThatWorks', () => {
  it('goes on to the next repository, asking each address once', async () => {
    const asked: string[] = [];
    const work = async (uri: string) => {
      asked.push(uri);
      if (uri === 'a') throw new Error('a is down');
    };
    await firstThatWorks([{ uri: 'a' }, { uri: 'a' }, { uri: 'b' }, { uri: 'c' }], work);
    expect(asked).toEqual(['a', 'b']);
  });

  it('reports what the likeliest one said where none works', async () => {
    const work = async (uri: string) => {
      throw new Error(`${uri} is down`);
    };
    await expect(firstThatWorks([{ uri: 'a' }, { uri: 'b' }], work)).rejects.toThrow('a is down');
    await expect(firstThatWorks([], work)).rejects.toThrow("apt's sources do not name");
  });
});
