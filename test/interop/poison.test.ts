import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listed } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { startPostern, temporaryDirectory, waitFor, type Postern } from '../support/postern.ts';
import { stumbling } from '../support/stumbling.ts';
import { arrived, cleanMail } from './support/mails.ts';
import { startPostfix, type Postfix } from './support/postfix.ts';
import { lacks } from './support/servers.ts';
import { swaks } from './support/swaks.ts';

const ANN = 'ann@sender.test';
const BEN = 'ben@store.test';
const missing = lacks('postfix', 'swaks');

describe.skipIf(missing !== '')(`a message that breaks a service, tried again by Postfix${missing}`, () => {
  const directory = temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  let postern: Postern | undefined;
  let postfix: Postfix | undefined;
  let port: number;

  const start = async (): Promise<Postern> => {
    const listener = {
      protocol: 'smtp',
      port,
      domains: ['store.test'],
      downstream: 'store',
      mode: 'through',
    };
    return (postern = await startPostern(
      {
        listeners: { in: { ...listener, group: 'g' } },
        downstreams: { store: { protocol: 'maildir', path: './mail' } },
        services: { filter: { plugin: at('stumbles.wasm') } },
        groups: { g: ['filter'] },
      },
      { directory: at('postern') },
    ));
  };

  beforeAll(async () => {
    chmodSync(directory.path, 0o755);
    writeFileSync(at('stumbles.wasm'), stumbling('(unreachable)', { octets: 20_000 }));
    port = await freePort();
    postfix = await startPostfix({
      directory: at('postfix'),
      hostname: 'edge.test',
      mailboxes: [ANN],
      relay: { 'store.test': `smtp:[127.0.0.1]:${port}` },
    });
    await start();
  });

  afterAll(async () => {
    await Promise.all([postfix?.stop(), postern?.stop()]);
    directory.remove();
  });

  const send = async (text: string): Promise<void> => {
    const sent = await swaks({
      directory: directory.path,
      port: postfix!.port,
      from: ANN,
      to: [BEN],
      text,
    });
    expect(sent).toMatchObject({ code: 0 });
  };
  /** The attempts that ended so. */
  const attempts = (verdict: string): number =>
    postern!.log.filter(
      ({ msg, outcomes }) => msg === 'transaction' && JSON.stringify(outcomes ?? []).includes(`"${verdict}"`),
    ).length;
  const tried = (verdict: string): Promise<true> =>
    waitFor(async () => {
      if (attempts(verdict) > 0) return true;
      // Postfix looks at what it has deferred only when it is told to, or after minutes.
      await postfix!.flush();
      return undefined;
    });

  it('is in the quarantine after the third try, over a kill, and nothing is left at Postfix', async () => {
    const bad = `Subject: bad\r\n\r\n${`${'bad '.repeat(15)}\r\n`.repeat(400)}`;
    await send(bad);
    // The first comes by itself. Had Postfix been told to try again meanwhile, there might be a second before the kill.
    await waitFor(() => (attempts('tempfail') === 1 ? true : undefined));
    await postern!.kill('SIGKILL');
    await start();

    await tried('quarantine');
    const line = await postern!.waitForLog(({ msg }) =>
      msg.startsWith('a message that has broken a service'),
    );
    expect(line).toMatchObject({ service: 'filter', failure: 'trap', times: 3 });
    // Once before the kill.
    expect(attempts('tempfail')).toBe(1);
    expect(await listed(postern!.directory, 'quarantine')).toMatchObject([
      { service: 'filter', sender: { address: ANN } },
    ]);
    await waitFor(async () => ((await postfix!.queue()) === '' ? true : undefined));

    const good = cleanMail();
    await send(good.text);
    await arrived(join(postern!.directory, 'mail', BEN), good);
    expect(await listed(postern!.directory, 'quarantine')).toHaveLength(1);
  });
});
