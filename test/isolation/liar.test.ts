import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, type CalloutResult, type Limits } from '../../src/ocp/service.ts';
import { Breakers } from '../../src/sandbox/breakers.ts';
import { GroupRun } from '../../src/sandbox/group-run.ts';
import { Pool } from '../../src/sandbox/pool.ts';
import { Process } from '../../src/sandbox/process.ts';
import { factsOf, imageOfText, serviceOf, textOf } from '../abi/wat.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { waitFor } from '../support/postern.ts';
import { confinedProcesses, unconfinable } from './support.ts';

/** Confined processes that break the rules between them and Postern, each in its own way (`liar.cjs`). */
const MESSAGE = 'Subject: hello\r\n\r\nHi\r\n';
const image = imageOfText(MESSAGE);
const LIMITS: Limits = { ...DEFAULT_LIMITS, deadlineMs: 20_000, addedBytes: 1000, hostCalls: 50 };

const PROGRAM = {
  main: '/app/liar.cjs',
  files: { '/app/liar.cjs': fileURLToPath(new URL('liar.cjs', import.meta.url)) },
  flags: [],
};

const ENDED = 'a confined process of the sandbox ended';

/** Asks a process that lies like this, or the one that took its place, so many times; if told so, waits then until it is ended. */
async function tell(
  lie: string,
  { limits = LIMITS, times = 1, linger = false } = {},
): Promise<{ results: CalloutResult[]; log: RecordingLog }> {
  const service = serviceOf('liar', { isolation: 'process', settings: { lie }, limits });
  const log = new RecordingLog();
  const stages = new Set(['message'] as const);
  const loaded = { service, binary: new Uint8Array(), stages, wantsParts: false };
  const pool = new Pool({
    start: (handlers) => new Process(loaded, handlers, PROGRAM),
    noun: 'confined process',
    size: 1,
    queueMs: 10_000,
    waiting: 4,
    crashDelayMs: 0,
    deadlines: new Map(),
    capabilities: { call: () => Promise.resolve({ kind: 'refused', error: 'UNAVAILABLE', cause: 'none' }) },
    log,
  });
  await pool.start();
  const results: CalloutResult[] = [];
  try {
    for (let time = 0; time < times; time++) {
      const ended = new Promise<CalloutResult>((settle) =>
        new GroupRun(
          { stage: 'message', services: ['liar'], facts: factsOf('message'), image, state: {} },
          {
            services: new Map([['liar', service]]),
            breakers: new Breakers({ log }),
            pools: { areOne: true, of: () => pool },
            bodyWithheld: new Set(),
            settle,
          },
        ).begin(),
      );
      results.push(await ended);
    }
    if (linger) await waitFor(() => Promise.resolve(log.said(ENDED)[0]));
    return { results, log };
  } finally {
    await pool.close();
  }
}

/** What is said of each, and that the process is ended for it. */
const LIES: Readonly<Record<string, string>> = {
  garbage: 'it announced 4294967295 and 4294967295 octets',
  'a frame of 1 GB': 'it announced 2 and 1073741824 octets',
  'JSON of 1 GB': 'it announced 1073741824 and 0 octets',
  'what is not JSON': 'it said something that is not JSON',
  'JSON that is too deep': 'it said something that is not JSON',
  'a number': 'it said something out of place',
  'another kind of thing': 'it said something out of place',
  'an unknown key': 'it said something out of place',
  'two things at a time': 'it said more than one thing at a time',
  'fewer octets than it says': 'it sent fewer octets than it says',
  'more octets than it says': 'it sent more octets than it says',
  'a negative length': 'it said something out of place',
  'an output over its limit': 'it let the output grow past its limit',
  'a splice outside the message': 'it edits octets that are not in the message',
  'a splice over the end': 'it edits octets that are not in the message',
  'a splice that leaves a bare LF': 'its edits would let a CR or LF stand alone',
  'a splice that parts CR and LF': 'its edits would let a CR or LF stand alone',
  'too many splices': 'it said something out of place',
  'too much put in': 'it adds more to the message than it may',
  'a state over its limit': 'it let the state grow past its limit',
  'keys over the limit': 'it let the state grow past its limit',
  'a log over its limit': 'it let the log grow past its limit',
  'a log of empty lines': 'it let the log grow past its limit',
  'memory without end': 'it says that it used more memory than it has',
  'a read of 1 GB': 'it asked for 1073741824 octets of the message at once',
  'a read before the message': 'it said something out of place',
  'a read of half an octet': 'it said something out of place',
  'reads for ever': 'it read the message over and over',
  'a request for what there is not': 'it said something out of place',
  'a request of 10 MB': 'it announced 32 and 10000000 octets',
  'requests for ever': 'it asks without end',
  'a flood': 'it said',
};

describe.skipIf(unconfinable !== '')(`a confined process that was taken over${unconfinable}`, () => {
  it('is believed where it keeps to the rules, but for the form of its log', async () => {
    const { results, log } = await tell('nothing wrong', { times: 3 });
    for (const { outcomes } of results) {
      expect(outcomes[0]).toMatchObject({ result: { kind: 'decision', decision: {} }, modified: false });
      expect(outcomes[0]!.logs).toEqual([{ level: 'info', text: 'all is well ' }]);
    }
    expect(log.lines).toEqual([]);
  });

  it.each(Object.entries(LIES))('fails and is ended for %s', async (lie, why) => {
    const { results, log } = await tell(lie);
    const [{ outcomes, image: after, state }] = results as [CalloutResult];
    const cause = expect.stringContaining(`its confined process broke the rules: ${why}`);
    expect(outcomes).toMatchObject([
      { service: 'liar', result: { kind: 'failure', failure: 'trap', cause }, logs: [], modified: false },
    ]);
    expect(state).toEqual({});
    expect(await textOf(after!)).toBe(MESSAGE);
    expect(log.said(ENDED)).toEqual([{ service: 'liar', cause }]);
  });

  // What a plugin can do as well, for which nobody ends a thread either.
  it.each([
    ['a decision for somebody else', 'names the recipient "eve@example.com"'],
    ['a reply of two lines', 'control characters'],
    ['splices over each other', 'overlaps'],
  ])('fails for %s', async (lie, why) => {
    const { results, log } = await tell(lie, { times: 2 });
    for (const { outcomes, image: after } of results) {
      const failure = { kind: 'failure', failure: 'trap', cause: expect.stringContaining(why) };
      expect(outcomes).toMatchObject([{ result: failure, modified: false }]);
      expect(await textOf(after!)).toBe(MESSAGE);
    }
    expect(log.lines).toEqual([]);
  });

  it.each(['silence', 'half a frame'])('is late with %s', async (lie) => {
    const { results } = await tell(lie, { limits: { ...LIMITS, deadlineMs: 300 } });
    const late = { kind: 'failure', failure: 'deadline', cause: 'it took longer than 300 ms' };
    expect(results[0]!.outcomes).toMatchObject([{ result: late }]);
  });

  it.each([
    ['its end', 'its confined process ended with exit code 0'],
    ['its death', 'its confined process ended with exit code 137'],
  ])('fails with %s, and another takes its place', async (lie, cause) => {
    const { results } = await tell(lie, { times: 4 });
    const failure = { kind: 'failure', failure: 'trap', cause };
    expect(results.map(({ outcomes }) => outcomes[0]!.result)).toEqual([failure, failure, failure, failure]);
  });

  it('is ended for a request that is too long, also where it could say as much', async () => {
    const { results } = await tell('a request of 10 MB', { limits: { ...LIMITS, addedBytes: 20_000_000 } });
    const cause = expect.stringContaining('it sent a request of 10000000 octets');
    expect(results[0]!.outcomes).toMatchObject([{ result: { failure: 'trap', cause } }]);
  });

  it('is ended for what it says when nobody listens', async () => {
    const { results, log } = await tell('an answer, and more later', { linger: true });
    expect(results[0]!.outcomes).toMatchObject([{ result: { kind: 'decision' } }]);
    expect(log.said(ENDED)).toEqual([{ cause: expect.stringContaining('it spoke out of turn') }]);
  });

  it('leaves nothing behind', async () => {
    await expect.poll(confinedProcesses).toEqual([]);
  });
});
