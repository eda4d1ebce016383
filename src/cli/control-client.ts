import { request } from 'node:http';
import type { z } from 'zod';
import {
  errorAnswer,
  reloadAnswer,
  servicesAnswer,
  type ReloadAnswer,
  type ServicesAnswer,
} from '../admin/answers.ts';
import { describeError } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import { CommandError, EXIT } from './exit.ts';
import { controlPath } from './state-dir.ts';

/** What the server that runs on this state directory answers; or that none does. */
export type FromServer<T> = { readonly running: false } | ({ readonly running: true } & T);

/** A reload compiles plugins and lets each check its settings. */
const RELOAD_MS = 120_000;
const SERVICES_MS = 10_000;
/** After that somebody at a terminal wants to know what is waited for. */
const SILENT_MS = 2000;
/** Octets of an answer. */
const LARGEST_ANSWER = 16 * 1024 * 1024;

/**
 * Has the running server, whose pid may be known, read its config again, and waits until it has. Throws a CommandError that says why if there is a server, and it
 * does not answer as it should.
 */
export function reload(config: Config, pid?: number): Promise<FromServer<ReloadAnswer>> {
  return ask(config, { method: 'POST', path: '/reload', schema: reloadAnswer, ms: RELOAD_MS, pid });
}

/** What each service of the running server is and has done. Throws as `reload` does. */
export function services(config: Config): Promise<FromServer<ServicesAnswer>> {
  return ask(config, { method: 'GET', path: '/services', schema: servicesAnswer, ms: SERVICES_MS });
}

interface Question<T> {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly schema: z.ZodType<T>;
  /** How long to wait for the answer. */
  readonly ms: number;
  /** Of the server, to say whom is waited for. */
  readonly pid?: number | undefined;
}

async function ask<T>(config: Config, question: Question<T>): Promise<FromServer<T>> {
  const socket = controlPath(config);
  let answered: { status: number; body: string };
  const whom = question.pid === undefined ? '' : ` (pid ${question.pid})`;
  const slow = setTimeout(() => process.stderr.write(`waiting for the running server${whom} …\n`), SILENT_MS);
  try {
    answered = await exchange(socket, question);
  } catch (error) {
    if (isNobody(error)) return { running: false };
    throw failure(socket, describeError(error));
  } finally {
    clearTimeout(slow);
  }
  const { status, body } = answered;
  const value = parsed(body);
  if (status !== 200) {
    const said = errorAnswer.safeParse(value);
    throw failure(socket, said.success ? said.data.error : `it answered with status ${status}`);
  }
  const answer = question.schema.safeParse(value);
  if (!answer.success) throw failure(socket, 'its answer makes no sense; is it of another version?');
  return { running: true, ...answer.data };
}

/** One request. Rejects with what kept it from being answered. */
function exchange<T>(
  socketPath: string,
  { method, path, ms }: Question<T>,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(ms);
    const asked = request({ socketPath, method, path, signal }, (response) => {
      const chunks: Buffer[] = [];
      let octets = 0;
      response.on('data', (chunk: Buffer) => {
        octets += chunk.length;
        chunks.push(chunk);
        if (octets > LARGEST_ANSWER) response.destroy(new Error('its answer has no end'));
      });
      response.on('error', fail);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
      });
    });
    const fail = (error: Error): void =>
      reject(signal.aborted ? new Error(`it has not answered within ${ms / 1000} s`) : error);
    asked.on('error', fail);
    asked.end();
  });
}

// A socket that nobody listens on is what a killed server leaves behind.
const isNobody = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ECONNREFUSED');

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const failure = (socket: string, cause: string): CommandError =>
  new CommandError(EXIT.failed, `Cannot ask the running server at ${socket}: ${cause}`);
