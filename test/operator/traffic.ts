import { setTimeout as sleep } from 'node:timers/promises';
import { Dialog } from '../support/smtp-dialog.ts';

/** Clients that send one message after the other over sessions that stay open, until they are told to stop. */
export class Traffic {
  /** Ids of the messages that got their 250. */
  readonly taken: string[] = [];
  /** Whatever was not as it should be: a refusal, a session that ended. */
  readonly faults: string[] = [];
  readonly #port: number;
  readonly #loops: Promise<void>[];
  #isOver = false;

  constructor(port: number, sessions: number) {
    this.#port = port;
    this.#loops = Array.from({ length: sessions }, (_, i) => this.#loop(`client${i}`));
  }

  /** Waits until so many more messages have been sent and taken from their MAIL on. */
  async more(count: number): Promise<void> {
    const aim = this.taken.length + count;
    for (const until = Date.now() + 60_000; this.taken.length < aim;) {
      if (this.faults.length > 0) throw new Error(this.faults.join('\n'));
      if (Date.now() > until) throw new Error(`no ${count} messages were taken within a minute`);
      await sleep(5);
    }
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#loops);
  }

  async #loop(name: string): Promise<void> {
    try {
      const dialog = await Dialog.open(this.#port);
      await expectReply(dialog, 'EHLO client.example.net', /^250/);
      for (let i = 0; !this.#isOver; i++) {
        const id = `${name}-${i}`;
        await begin(dialog);
        await finish(dialog, id);
        this.taken.push(id);
        await sleep(10);
      }
      await expectReply(dialog, 'QUIT', /^221/);
    } catch (error) {
      this.faults.push(`${name}: ${String(error)}`);
    }
  }
}

async function expectReply(dialog: Dialog, line: string, form: RegExp): Promise<void> {
  const reply = await dialog.say(line);
  if (!form.test(reply)) throw new Error(`${JSON.stringify(line.slice(0, 60))} was answered ${reply}`);
}

export async function begin(dialog: Dialog): Promise<void> {
  await expectReply(dialog, 'MAIL FROM:<bob@example.net>', /^250 /);
  await expectReply(dialog, 'RCPT TO:<ann@example.com>', /^250 /);
}

export async function finish(dialog: Dialog, id: string): Promise<void> {
  await expectReply(dialog, 'DATA', /^354 /);
  await expectReply(dialog, `X-Id: ${id}\r\nSubject: x\r\n\r\nHello\r\n.`, /^250 /);
}
