import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decentBut, LineServer } from './support/line-server.ts';
import { startPostern, temporaryDirectory, type Postern } from './support/postern.ts';
import { Dialog } from './support/smtp-dialog.ts';

/** What a downstream says in the place of one reply, to be taken for more than that by somebody. `evil` must begin no line here. */
const SAID: readonly string[] = [
  '250 2.0.0 ok\r250 2.0.0 evil',
  '250 2.0.0 ok\n250 2.0.0 evil',
  '250 2.0.0 ok\n\r250 2.0.0 evil',
  '250 2.0.0 ok\r\n250 2.0.0 evil',
  '250 2.0.0 ok\r\n421 4.3.2 evil',
  '250-2.0.0 ok\r\n550 5.7.1 evil',
  '250-2.0.0 ok\r\nevil',
  '550 5.1.1 no\r250 2.0.0 evil',
  '550 5.1.1 no\n250 2.0.0 evil',
  '550 5.1.1 no\r\r\n250 2.0.0 evil',
  '550 5.1.1 no\r\n250 2.0.0 evil',
  '550 5.1.1 no\r\n\r\n250 2.0.0 evil',
  '550-5.1.1 no\r250 2.0.0 evil\r\n550 5.1.1 end',
  '550-5.1.1 no\r\n250 2.0.0 evil',
  '550 5.1.1 no\0\r\n250 2.0.0 evil',
  '550 5.1.1 no \0\x07\x08\x1b[2K\x7f\x0b\x0c evil',
  '550 5.1.1 no \u0085\u2028\u2029250 2.0.0 evil',
  '550 5.1.1 gr\u00fc\u00df',
  '354 go on',
  '354 go on\r\n354 evil',
  '354 go on\r\n250 2.0.0 evil',
  '100 evil',
  '600 evil',
  '25 evil',
  '2500 evil',
  '  250 evil',
  `550 ${'x'.repeat(5000)}`,
  '550-x\r\n'.repeat(5000),
];
const STEPS = ['EHLO', 'MAIL', 'RCPT', 'DATA', 'dot'] as const;

// Whatever a downstream says, the client of Postern hears one reply of ours a command.
describe('replies that a downstream splits', () => {
  const directory = temporaryDirectory();
  const servers: LineServer[] = [];
  let postern: Postern;
  const nameOf = (step: number, said: number): string => `step${step}-said${said}`;

  beforeAll(async () => {
    const downstreams: Record<string, object> = {};
    const listeners: Record<string, object> = {};
    for (const [step, habit] of STEPS.entries()) {
      for (const [said, text] of SAID.entries()) {
        const server = new LineServer(decentBut({ [habit]: text }));
        servers.push(server);
        await server.start();
        const name = nameOf(step, said);
        downstreams[name] = { protocol: 'smtp', host: '127.0.0.1', port: server.port };
        const listener = { protocol: 'smtp', port: 0, domains: ['example.com'], mode: 'through' };
        listeners[name] = { ...listener, downstream: name };
      }
    }
    postern = await startPostern({ listeners, downstreams }, { directory: directory.path });
  });

  afterAll(async () => {
    await postern?.kill('SIGKILL');
    await Promise.all(servers.map((server) => server.stop()));
    directory.remove();
  });

  /** One transaction, and NOOP behind each step, whose reply shows whether one was left over. */
  async function dialogWith(listener: string): Promise<string[]> {
    const dialog = await Dialog.open(postern.ports[listener]!);
    const heard: string[] = [];
    const say = async (line: string): Promise<boolean> => {
      heard.push(await dialog.say(line));
      return /^[23]/.test(heard.at(-1)!);
    };
    try {
      await say('EHLO client.test');
      for (const line of ['MAIL FROM:<sender@example.org>', 'RCPT TO:<ann@example.com>', 'DATA']) {
        if (!(await say(line))) break;
        if (line === 'DATA') await say('Subject: hello\r\n\r\nbody\r\n.');
        expect(await dialog.say('NOOP')).toBe('250 2.0.0 OK');
      }
      expect(await dialog.say('NOOP')).toBe('250 2.0.0 OK');
      expect(await dialog.say('QUIT')).toMatch(/^221 [^\n]*$/);
      expect(await dialog.closed()).toBe('');
      return heard;
    } finally {
      dialog.vanish();
    }
  }

  it.each(STEPS.map((habit, step) => ({ habit, step })))('at $habit', async ({ habit, step }) => {
    const heard = await Promise.all(
      SAID.map(async (text, said) => {
        const replies = await dialogWith(nameOf(step, said)).catch((error: unknown) => [String(error)]);
        return { text: text.slice(0, 60), replies };
      }),
    );
    const wrong = heard.filter(({ text, replies }) => {
      const isTaken = replies.length === 5 && replies[4]!.startsWith('250');
      const mayBeTaken = habit === 'DATA' ? text === '354 go on' : habit !== 'dot' || text.startsWith('250 ');
      return (isTaken && !mayBeTaken) || !replies.every((reply) => isOne(reply));
    });
    expect(wrong).toEqual([]);
  });
});

/** One reply with one code (RFC 5321 section 4.2), without control characters. */
function isOne(reply: string): boolean {
  const lines = Buffer.from(reply, 'latin1').toString('utf8').split('\n');
  const code = reply.slice(0, 3);
  return lines.every(
    (line, at) =>
      line.startsWith(code + (at === lines.length - 1 ? ' ' : '-')) && !/[\p{Cc}\u2028\u2029]/u.test(line),
  );
}
