import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A Slurm of this machine alone, with its own key, ports and folders. */
export interface SlurmCluster {
  /** What clients find it by. */
  readonly env: { readonly SLURM_CONF: string };
  readonly stop: () => Promise<void>;
}

const TOOLS = ['sbatch', 'slurmctld', 'slurmd', 'munged'];
const START_MS = 20_000;

/** Why no cluster can be started here; undefined where one can. Installs Slurm first where that is asked for. */
export function slurmObstacle(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'a cluster of our own needs root on Linux';
  const missing = (): string[] => TOOLS.filter((tool) => spawnSync('which', [tool]).status !== 0);
  if (missing().length > 0 && process.env.DAWNGRAD_SLURM === 'install') {
    const options = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } } as const;
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'slurm-wlm', 'munge'], options);
  }
  return missing().length > 0 ? `there is no ${missing().join(', ')}: npm run test:slurm installs them` : undefined;
}

export async function startSlurm(): Promise<SlurmCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'dawngrad-slurm-'));
  chmodSync(folder, 0o755);
  const [controller, daemon] = [await freePort(), await freePort()];
  const munge = join(folder, 'munge');
  for (const name of ['munge', 'state', 'spool']) mkdirSync(join(folder, name));
  const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, 'munge'], { encoding: 'utf8' })));
  copyFileSync('/etc/munge/munge.key', join(munge, 'key'));
  for (const path of [join(munge, 'key'), munge]) chownSync(path, uid as number, gid as number);
  chmodSync(join(munge, 'key'), 0o400);
  const socket = join(munge, 'socket');
  const conf = join(folder, 'slurm.conf');
  writeFileSync(
    conf,
    `ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=${controller}
SlurmdPort=${daemon}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=${socket}
StateSaveLocation=${join(folder, 'state')}
SlurmdSpoolDir=${join(folder, 'spool')}
SlurmctldPidFile=${join(folder, 'slurmctld.pid')}
SlurmdPidFile=${join(folder, 'slurmd.pid')}
SlurmctldLogFile=${join(folder, 'slurmctld.log')}
SlurmdLogFile=${join(folder, 'slurmd.log')}
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,sched_min_interval=0,batch_sched_delay=0
SlurmdParameters=config_overrides
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
KillWait=10
NodeName=localhost NodeAddr=127.0.0.1 CPUs=${availableParallelism()} State=UNKNOWN
PartitionName=all Nodes=localhost Default=YES MaxTime=INFINITE State=UP
`,
  );
  const env = { SLURM_CONF: conf };
  const children: ChildProcess[] = [];
  const start = (command: string, args: readonly string[], options: { uid?: number; gid?: number } = {}): void => {
    const child = spawn(command, args, { stdio: 'ignore', env: { ...process.env, ...env }, ...options });
    child.on('error', () => undefined);
    children.push(child);
  };
  const stop = async (): Promise<void> => {
    for (const child of children.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((resolve) => child.on('exit', resolve));
      child.kill('SIGTERM');
      await Promise.race([ended, sleep(3000).then(() => child.kill('SIGKILL'))]);
    }
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  const files = ['key', 'pid', 'log', 'seed'].map((name) => `--${name}-file=${join(munge, name)}`);
  start('munged', ['--foreground', '--force', `--socket=${socket}`, ...files], {
    uid: uid as number,
    gid: gid as number,
  });
  start('slurmctld', ['-D', '-i']);
  start('slurmd', ['-D', '-N', 'localhost']);
  for (const since = performance.now(); ; await sleep(100)) {
    const { stdout } = spawnSync('sinfo', ['--noheader', '--format=%T'], {
      encoding: 'utf8',
      env: { ...process.env, ...env },
    });
    if (stdout?.trim() === 'idle') return { env, stop };
    if (performance.now() - since > START_MS) {
      const log = readFileSync(join(folder, 'slurmctld.log'), 'utf8').slice(-2000);
      await stop();
      throw new Error(`Slurm did not start: ${stdout}\n${log}`);
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
