import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { directoryName } from '../../src/delivery/maildir-name.ts';
import { listed } from '../support/cli.ts';
import { waitFor, type Postern } from '../support/postern.ts';
import { Dialog } from '../support/smtp-dialog.ts';
import { octetsOf, patternOf, type Script, type Step } from './script.ts';

/** Plays a script against the gate. Rejects where the gate does something else. */
export async function play(script: Script, gate: Postern): Promise<void> {
  rmSync(join(gate.directory, 'mail'), { recursive: true, force: true });
  const player = new Player(gate, script.listener);
  try {
    await player.connect();
    for (const step of script.steps) await player.play(step);
  } finally {
    player.end();
  }
}

class Player {
  readonly #gate: Postern;
  readonly #listener: string;
  readonly #began = Date.now();
  #dialog: Dialog | undefined;
  #reply = '';

  constructor(gate: Postern, listener: string) {
    this.#gate = gate;
    this.#listener = listener;
  }

  async connect(): Promise<void> {
    const port = this.#gate.ports[this.#listener];
    if (port === undefined) throw new Error(`no listener is named ${this.#listener}`);
    this.end();
    this.#dialog = await Dialog.open(port, { greeting: false });
  }

  end(): void {
    this.#dialog?.vanish();
  }

  async play({ verb, argument, where }: Step): Promise<void> {
    const dialog = this.#dialog!;
    const [word = '', ...more] = argument.split(' ');
    const rest = more.join(' ');
    switch (verb) {
      case 'C':
        return dialog.send(`${argument}\r\n`);
      case 'C-raw':
        return dialog.send(octetsOf(argument));
      case 'C-repeat': {
        const octets = octetsOf(rest);
        return dialog.send(Buffer.alloc(Number(word) * octets.length, octets));
      }
      case 'S':
        this.#reply = (await dialog.hear()).replace(/\n\d{3}[- ]/g, ' / ').replace(/^(\d{3})-/, '$1 ');
        return this.#check(patternOf(argument, { whole: true }).test(this.#reply), where, this.#reply);
      case 'S-not':
        return this.#check(!patternOf(argument, { whole: true }).test(this.#reply), where, this.#reply);
      case 'starttls': {
        const said = await dialog.say('STARTTLS');
        this.#check(said.startsWith('220 '), where, said);
        return dialog.secure();
      }
      case 'closed': {
        const said = await dialog.closed();
        return this.#check(said === '', where, said);
      }
      case 'vanish':
        return dialog.vanish();
      case 'reconnect':
        return this.connect();
      case 'delivered': {
        await waitFor(() => (this.#mailbox(word).length >= Number(rest) ? true : undefined));
        return assert.equal(this.#mailbox(word).length, Number(rest), where);
      }
      case 'holds':
      case 'holds-not': {
        const mail = this.#mailbox(word).join('\n\n');
        return this.#check(textPattern(rest).test(mail) === (verb === 'holds'), where, mail);
      }
      case 'quarantined': {
        const held = await listed(this.#gate.directory, 'quarantine');
        const here = held.filter(({ createdAt }) => createdAt >= this.#began);
        return assert.equal(here.length, Number(word), where);
      }
      case 'log': {
        const pattern = patternOf(argument, { whole: false });
        const matching = () => this.#lines().filter((line) => pattern.test(line));
        await waitFor(() => (matching().length > 0 ? true : undefined));
        return assert.equal(matching().length, 1, `${where}: ${matching().join('\n')}`);
      }
      default:
        throw new Error(`${where}: unknown line`);
    }
  }

  #check(holds: boolean, where: string, heard: string): void {
    assert.ok(holds, `${where}: there was ${JSON.stringify(heard)}`);
  }

  /** What was logged since the dialog began: by its own time, since a line of the one before may still be on its way. */
  #lines(): string[] {
    return this.#gate.log
      .filter(({ time }) => Number(time) >= this.#began)
      .map((line) => JSON.stringify(line));
  }

  /** The messages in a mailbox, latin1. */
  #mailbox(address: string): string[] {
    const directory = join(this.#gate.directory, 'mail', directoryName(address), 'new');
    try {
      return readdirSync(directory).map((name) => readFileSync(join(directory, name), 'latin1'));
    } catch {
      return [];
    }
  }
}

const textPattern = (text: string): RegExp => patternOf(octetsOf(text).toString('latin1'), { whole: false });
