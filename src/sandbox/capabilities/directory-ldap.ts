import { readFile } from 'node:fs/promises';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { Client, NoSuchObjectError, ResultCodeError, SizeLimitExceededError, type Entry } from 'ldapts';
import { Alarm } from '../../base/alarm.ts';
import type { Directory } from '../../ocp/capability.ts';
import { elementSize } from './ber.ts';
import type { Found, Row, Table } from './directory.ts';
import { fillFilter } from './ldap-filter.ts';

type Ldap = Extract<Directory, { type: 'ldap' }>;

/** Connections to one server: each has one search at a time. */
const CONNECTIONS = 4;
const REST_MS = 30_000;
/** Octets of one search's answer: far more than a plugin is told. The library puts together whatever a server sends. */
const SEARCH_LIMIT = 1024 * 1024;

/** Entries of an LDAP server (RFC 4511), by a search that the operator has written, with the key filled in. */
export function ldapTable(ldap: Ldap): Table {
  const idle: Connection[] = [];
  const waiting: (() => void)[] = [];
  let inUse = 0;
  let closed = false;
  const isFull = (): boolean => inUse >= CONNECTIONS;
  const rest = new Alarm(() => endAll(idle));

  const release = (connection?: Connection): void => {
    inUse -= 1;
    if (connection !== undefined && !closed) {
      idle.push(connection);
      rest.set(REST_MS);
    } else connection?.end();
    waiting.shift()?.();
  };

  /** In its turn, over a connection that rests or a new one. */
  const inTurn = async (key: string, signal: AbortSignal): Promise<Found> => {
    let connection = idle.pop();
    const isUsed = connection !== undefined;
    try {
      connection ??= await open(ldap, signal);
      const found = await within(connection, { work: search(connection, ldap, key), signal });
      release(connection);
      return found;
    } catch (thrown) {
      connection?.end();
      release();
      // The server ends connections that rest; a fresh one says whether it is well.
      if (isUsed && !signal.aborted) return table.find(key, { signal });
      throw thrown;
    }
  };

  const table: Table = {
    async find(key, { signal }) {
      while (isFull()) {
        if (signal.aborted) break;
        await turn(waiting, signal);
      }
      if (signal.aborted) {
        // It may have been its turn just now.
        waiting.shift()?.();
        return LATE;
      }
      inUse += 1;
      try {
        return await inTurn(key, signal);
      } catch (thrown) {
        if (signal.aborted) return LATE;
        throw thrown;
      }
    },
    close() {
      closed = true;
      rest.clear();
      endAll(idle);
    },
  };
  return table;
}

const LATE: Found = { kind: 'failed', cause: 'there was no answer in time' };

interface Connection {
  readonly client: Client;
  /** Octets that have come since the search began. */
  received: number;
  /** Whatever is under way then fails. */
  end(cause?: Error): void;
}

async function open(ldap: Ldap, signal: AbortSignal): Promise<Connection> {
  const { url, startTls, bind, timeoutMs } = ldap;
  const at = new URL(url);
  const host = at.hostname.replace(/^\[|\]$/g, '');
  const port = Number(at.port || (at.protocol === 'ldaps:' ? 636 : 389));
  const tls: ConnectionOptions = {
    host,
    ...(isIP(host) === 0 && { servername: host }),
    ...(ldap.ca !== undefined && { ca: await readFile(ldap.ca) }),
  };
  let socket: Socket | undefined;
  // What comes before TLS, which is one answer.
  let clear: Buffer = Buffer.alloc(0);
  const count = (octets: Buffer): void => {
    connection.received += octets.length;
    if (connection.received > SEARCH_LIMIT) {
      connection.end(new Error(`it answered with more than ${SEARCH_LIMIT} octets`));
    }
  };
  // The library would make a new connection when one has ended, without StartTLS and bind.
  const once = <Made extends Socket>(make: () => Made): Made => {
    if (socket !== undefined || signal.aborted) throw new Error('the connection has ended');
    const made = make();
    socket = made;
    return made.on('data', count);
  };
  const inClear = (): Socket => {
    const made = once(() => connectTcp(port, host));
    return startTls ? made.on('data', (octets) => (clear = Buffer.concat([clear, octets]))) : made;
  };
  // What came in the clear after the answer to StartTLS anybody may have said: it must not be taken for the server's.
  const upgrade = (): TLSSocket => {
    if (clear.length !== elementSize(clear)) throw new Error('it said more before TLS than it may');
    return connectTls({ ...tls, socket: socket! }).on('data', count);
  };
  const client = new Client({
    url,
    timeout: timeoutMs,
    connectTimeout: timeoutMs,
    createConnection: inClear,
    createSecureConnection: startTls ? upgrade : () => once(() => connectTls({ ...tls, port })),
  });
  const connection: Connection = { client, received: 0, end: (cause) => socket?.destroy(cause) };
  const begin = async (): Promise<void> => {
    if (startTls) await client.startTLS();
    if (bind === undefined) return;
    const password = (await readFile(bind.passwordFile, 'utf8')).replace(/\r?\n$/, '');
    // An empty one would be a bind as nobody that succeeds (RFC 4513 section 5.1.2).
    if (password === '') throw new Error(`${bind.passwordFile} is empty`);
    await client.bind(bind.dn, password);
  };
  try {
    await within(connection, { work: begin(), signal });
    return connection;
  } catch (thrown) {
    connection.end();
    throw thrown;
  }
}

async function search(connection: Connection, ldap: Ldap, key: string): Promise<Found> {
  const { base, scope, attributes, maxRows, timeoutMs } = ldap;
  const filter = fillFilter(ldap.filter, key);
  if (filter === undefined) return { kind: 'found', rows: [] };
  connection.received = 0;
  try {
    const { searchEntries } = await connection.client.search(base, {
      scope,
      filter,
      attributes: [...attributes],
      sizeLimit: maxRows + 1,
      timeLimit: Math.ceil(timeoutMs / 1000),
    });
    if (searchEntries.length > maxRows) return { kind: 'many' };
    return { kind: 'found', rows: searchEntries.map((entry) => rowOf(entry, attributes)) };
  } catch (thrown) {
    if (thrown instanceof SizeLimitExceededError) return { kind: 'many' };
    if (thrown instanceof NoSuchObjectError) return { kind: 'found', rows: [] };
    // Its message is often empty but for a number.
    if (thrown instanceof ResultCodeError)
      return { kind: 'failed', cause: `${thrown.name}:${thrown.message}` };
    throw thrown;
  }
}

/** By the names of the config: a server may write them in another case. */
function rowOf(entry: Entry, attributes: readonly string[]): Row {
  const values = new Map(Object.entries(entry).map(([name, value]) => [name.toLowerCase(), value]));
  return Object.fromEntries(
    attributes.map((name) => [name, [values.get(name.toLowerCase()) ?? []].flat().map(String)]),
  );
}

/** Ends the connection when the signal says so: the library knows none. */
async function within<T>(
  connection: Connection,
  { work, signal }: { work: Promise<T>; signal: AbortSignal },
): Promise<T> {
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      connection.end();
      reject(new Error('there was no answer in time'));
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
    work.catch(() => {});
  }
}

/** Until it is somebody's turn, or the signal is aborted. */
function turn(waiting: (() => void)[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    };
    const onAbort = (): void => {
      const at = waiting.indexOf(go);
      if (at >= 0) waiting.splice(at, 1);
      resolve();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    waiting.push(go);
  });
}

function endAll(connections: Connection[]): void {
  for (const connection of connections.splice(0)) connection.end();
}
