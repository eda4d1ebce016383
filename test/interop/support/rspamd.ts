import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../support/free-port.ts';
import { waitFor } from '../../support/postern.ts';
import { found } from './servers.ts';

/** rspamd's text that every installation takes for spam (GTUBE). In two pieces, so that no filter finds it in this repository. */
export const GTUBE = ['XJS*C4JDBQADN1.NSBN3*2IDNEN*', 'GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X'].join('');

/**
 * Debian's rspamd with one worker, no other server and the rules of `LUA`: the Subject says the action. Its pid and its sockets are those of this
 * process alone.
 */
export interface Rspamd {
  readonly port: number;
  stop(): Promise<void>;
  /** After `stop`, on the same port. */
  start(): Promise<void>;
}

/** `Subject: action=greylist`: that action; `slow` takes 3 s. The field X-Told has what rspamd knows of the dialog. */
const LUA = `
rspamd_config:register_symbol({
  name = 'SAID', type = 'prefilter',
  callback = function(task)
    local action = string.match(task:get_header('Subject') or '', 'action=([%a ]+)')
    if action == 'slow' then os.execute('sleep 3') return end
    if action == 'rewrite subject' then task:set_metric_subject('*** said ***') end
    if action then task:set_pre_result(action, 'so says the subject', 'test') end
  end
})
rspamd_config:register_symbol({
  name = 'TOLD', type = 'idempotent',
  callback = function(task)
    local to = {}
    for _, one in ipairs(task:get_recipients('smtp') or {}) do table.insert(to, one.addr) end
    local from = (task:get_from('smtp') or {{}})[1] or {}
    local told = { tostring(task:get_ip()), task:get_helo() or '-', from.addr or '-', table.concat(to, '+'), task:get_user() or '-', tostring(task:get_size()) }
    task:set_milter_reply({
      add_headers = { ['X-Told'] = { value = table.concat(told, ' '), order = 0 }, ['X-Twice'] = { 'one', 'two' } },
      remove_headers = { ['X-Gone'] = 0 },
    })
  end
})
`;

export async function startRspamd(directory: string): Promise<Rspamd> {
  mkdirSync(directory, { recursive: true });
  const port = await freePort();
  const at = (name: string): string => join(directory, name);
  writeFileSync(at('rules.lua'), LUA);
  // Compiling the whole list takes it seconds.
  writeFileSync(at('tlds'), 'com\nnet\nexample\ntest\n');
  writeFileSync(
    at('rspamd.conf'),
    `options { pidfile = "${at('rspamd.pid')}"; tempdir = "${directory}"; filters = "";
  dns { nameserver = ["127.0.0.1:9"]; timeout = 1s; } control_socket = "${at('control.sock')}"; hs_cache_dir = "${directory}";
  url_tld = "${at('tlds')}"; gtube_patterns = "reject"; }
logging { type = "console"; level = "notice"; }
worker "normal" { bind_socket = "127.0.0.1:${port}"; count = 1; }
actions { reject = 15; add_header = 6; greylist = 4; }
lua = "${at('rules.lua')}"
`,
  );
  let child: ChildProcess | undefined;
  let output = '';
  const rspamd: Rspamd = {
    port,
    async start() {
      const started = spawn(found('rspamd')!, ['--no-fork', '--insecure', '--config', at('rspamd.conf')], {
        cwd: directory,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      child = started;
      for (const stream of [started.stdout, started.stderr])
        stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
      await waitFor(async () => {
        if (started.exitCode !== null) throw new Error(`rspamd ended with ${started.exitCode}: ${output}`);
        const answer = await fetch(`http://127.0.0.1:${port}/ping`).catch(() => undefined);
        return answer?.ok === true ? true : undefined;
      });
    },
    // Killed otherwise it would leave its worker behind.
    async stop() {
      const running = child;
      if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
      const ended = new Promise((resolve) => running.once('exit', resolve));
      running.kill('SIGTERM');
      await ended;
    },
  };
  try {
    await rspamd.start();
  } catch (error) {
    await rspamd.stop();
    throw error;
  }
  return rspamd;
}
