import { DEFAULT_LIMITS, DEFAULT_SERVICE } from '../ocp/service.ts';
import { Call } from './call.ts';
import { callConfigure, callGuest } from './guest-call.ts';
import { GuestRunner } from './guest.ts';
import { MessageView } from './message-view.ts';
import { HostPipe } from './process-pipe.ts';
import { PipeMessage } from './process-spool.ts';
import type { CallMessage } from './process-wire.ts';

/**
 * The program of a confined process (`confine.ts`): calls the plugin of one service, a call at a time. It speaks by its standard input and
 * output (`process-wire.ts`), and waits in system calls: there is nothing else that it could do. What it says is not trusted, so
 * nothing that it checks is left unchecked by Postern.
 */
const pipe = new HostPipe();
const guests = new GuestRunner();

// Once through everything that is slow for the first time, and all that needs a file or a thread: neither can be had later.
const emptyModule = await WebAssembly.compile(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
const nobody = new Uint8Array();
const warming = new Call({ limits: DEFAULT_LIMITS, settings: nobody, input: nobody, smtputf8: false });
await guests.runOnce(
  { service: DEFAULT_SERVICE, module: emptyModule },
  { exportName: 'none', call: warming },
);

const { message: confine } = pipe.askFor({ kind: 'started' });
if (confine.kind !== 'confine') throw new Error('not confined');
const { uid } = confine;
if (uid !== undefined) {
  process.setgroups!([]);
  process.setgid!(uid);
  process.setuid!(uid);
}

const { message: load, octets: binary } = pipe.askFor({ kind: 'confined' });
if (load.kind !== 'load') throw new Error('nothing to do');
const { service, knowsTime } = load;
let module: WebAssembly.Module;
try {
  module = await WebAssembly.compile(binary);
  pipe.say({ kind: 'loaded' });
} catch (thrown) {
  pipe.say({ kind: 'loaded', problem: String(thrown) });
  process.exit(0);
}

for (;;) {
  const { message, octets } = pipe.listen();
  if (message.kind === 'call') await call(message, octets);
  else if (message.kind === 'prepare') await prepare();
  else await configure();
  // The engine has work of its own, which nobody should wait for.
  await new Promise((resolve) => setImmediate(resolve));
}

async function configure(): Promise<void> {
  const { fault, output } = await callConfigure(guests, { service, module });
  pipe.say({ kind: 'configured', fault, output: output?.length }, output === undefined ? [] : [output]);
}

async function prepare(): Promise<void> {
  pipe.say({ kind: 'prepared', fault: await guests.prepare({ service, module }) });
}

async function call(task: CallMessage, octets: Uint8Array): Promise<void> {
  let at = 0;
  const take = (length: number): Uint8Array => octets.subarray(at, (at += length));
  const input = take(task.input);
  const { message } = task;
  const view = message && viewOf({ size: message.size, head: take(message.head) });
  const state = task.state && Object.fromEntries(task.state.map(([key, length]) => [key, take(length)]));
  const { exportName, smtputf8, notify } = task;
  if (task.discard) guests.discard(service);
  const asked = { service, module, exportName, input, view, smtputf8, state, line: pipe, knowsTime, notify };
  const said = await callGuest(guests, asked);

  const { fault, output, logs, memoryBytes, splices, notifications } = said;
  const kept = Object.entries(said.state ?? {});
  const isGood = fault === undefined;
  pipe.say(
    {
      kind: 'said',
      fault,
      output: isGood ? output?.length : undefined,
      logs,
      memoryBytes,
      splices: isGood ? splices.map(({ offset, remove, bytes }) => [offset, remove, bytes.length]) : [],
      notifications: isGood && notifications.length > 0 ? [...notifications] : undefined,
      state: isGood && said.state ? kept.map(([key, value]) => [key, value.length]) : undefined,
      lacking: guests.lacking.length > 0,
    },
    isGood ? [output ?? nobody, ...splices.map(({ bytes }) => bytes), ...kept.map(([, value]) => value)] : [],
  );
}

function viewOf(message: { size: number; head: Uint8Array }): MessageView {
  const { size } = message;
  const pieces = size === 0 ? [] : [{ from: 'original' as const, offset: 0, length: size }];
  // Where its octets are is Postern's affair: here it has neither a spool nor pieces.
  const spool = { kind: 'memory' as const, bytes: new SharedArrayBuffer(0), size };
  return new MessageView(new PipeMessage(pipe, message), { spool, pieces, size });
}
