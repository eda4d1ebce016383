import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener, type Server as HttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import type {
  CallSubject,
  CapabilityAnswer,
  CapabilityHost,
  CapabilityName,
} from '../../src/ocp/capability.ts';

/** What a plugin hears. */
export interface Heard {
  /** The line of the answer. */
  readonly said?: Readonly<Record<string, unknown>>;
  /** What comes after it, octets as latin1. */
  readonly body?: string;
  readonly error?: string;
  readonly cause?: string;
}

export interface Question {
  readonly service: string;
  readonly capability: CapabilityName;
  readonly fields: object | string | Uint8Array;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal;
  /** What the call is about; if absent, a session that has just begun. */
  readonly subject?: CallSubject;
  /** Which call of the plugin; if absent, one of its own. */
  readonly call?: object;
}

const JUST_BEGUN: CallSubject = {
  facts: {
    stage: 'connect',
    session: '01jsession',
    service: '',
    listener: { name: 'inbound', protocol: 'smtp' },
    client: { address: '192.0.2.7', port: 40312 },
  },
};

/** Asks as a plugin does. */
export async function ask(host: CapabilityHost, question: Question): Promise<Heard> {
  const { service, capability, fields, body, signal = new AbortController().signal } = question;
  const { subject = JUST_BEGUN, call = {} } = question;
  const line = typeof fields === 'string' || fields instanceof Uint8Array ? fields : JSON.stringify(fields);
  const octets = Buffer.concat([
    Buffer.from(line),
    ...(body === undefined ? [] : [Buffer.from('\n'), Buffer.from(body)]),
  ]);
  return heard(await host.call({ ...subject, call, service, capability, octets, signal }));
}

function heard(answer: CapabilityAnswer): Heard {
  if (answer.kind === 'refused') return { error: answer.error, cause: answer.cause };
  const octets = Buffer.from(answer.octets);
  const end = octets.indexOf('\n');
  const said: Heard['said'] = JSON.parse(octets.toString('utf8', 0, end < 0 ? octets.length : end));
  return { said: said!, ...(end >= 0 && { body: octets.toString('latin1', end + 1) }) };
}

/** A server on a free port of loopback. */
export interface Local {
  readonly port: number;
  /** Connections that came in. */
  readonly sockets: readonly Socket[];
  close(): Promise<void>;
}

export const httpServer = (listener: RequestListener): Promise<Local> =>
  listening(createHttpServer(listener));

/** One that speaks as it likes. */
export const rawServer = (talk: (socket: Socket) => void): Promise<Local> => listening(createServer(talk));

export async function listening(server: Server | HttpServer, host = '127.0.0.1'): Promise<Local> {
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
  });
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it has no port');
  return {
    port: address.port,
    sockets,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Waits until a connection is gone; its server must be reading. */
export async function gone(socket: Socket): Promise<void> {
  // Not `once`: that it was reset is as good.
  if (!socket.destroyed) await new Promise((resolve) => socket.once('close', resolve));
}
