import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { startPostern, temporaryDirectory, type Postern } from '../support/postern.ts';
import { Authority } from '../support/secure-mail.ts';
import { Dialog } from '../support/smtp-dialog.ts';
import { found, lacks, run } from './support/servers.ts';

/** Postern's web server with a certificate, as curl(1) and openssl(1) see it. */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });
const missing = lacks('curl', 'openssl');

describe.skipIf(missing !== '')(`the web server over TLS${missing}`, () => {
  const { path: directory, remove } = temporaryDirectory();
  const octets = randomBytes(300_000);
  let gate: Postern;
  let authority: Authority;
  let port: number;
  let link: string;

  /** Makes the server's certificate one that was issued under this name. */
  function use(name: string): void {
    const { key, certificate } = authority.issue(name, { host: 'localhost' });
    copyFileSync(key, join(directory, 'web.key'));
    copyFileSync(certificate, join(directory, 'web.pem'));
  }

  beforeAll(async () => {
    authority = new Authority(join(directory, 'ca'));
    use('first');
    port = await freePort();
    gate = await startPostern(
      {
        listeners: {
          inbound: {
            protocol: 'smtp',
            port: 0,
            domains: ['example.com'],
            downstream: 'local',
            mode: 'through',
            group: 'inbound',
          },
        },
        downstreams: { local: { protocol: 'maildir', path: './mail' } },
        web: {
          port,
          publicUrl: `https://localhost:${port}`,
          tls: { cert: './web.pem', key: './web.key' },
        },
        services: {
          links: {
            plugin: 'attachment-links',
            allowModify: true,
            settings: { minSize: 1000 },
            grants: { blob: {} },
          },
        },
        groups: { inbound: ['links'] },
      },
      { directory },
    );
    link = await sendWithAttachment();
  });
  afterAll(async () => {
    await gate?.stop();
    remove();
  });

  /** The link that came in the place of the attachment. */
  async function sendWithAttachment(): Promise<string> {
    const dialog = await Dialog.open(gate.ports['inbound']!);
    for (const line of [
      'EHLO mail.example.net',
      'MAIL FROM:<bob@example.net>',
      'RCPT TO:<ann@example.com>',
      'DATA',
    ])
      await dialog.say(line);
    const head =
      'From: bob@example.net\r\nMIME-Version: 1.0\r\nContent-Type: application/pdf; name=report.pdf\r\nContent-Transfer-Encoding: base64\r\n';
    dialog.send(`${head}\r\n${octets.toString('base64').replaceAll(/.{76}/g, '$&\r\n')}\r\n.\r\n`);
    expect(await dialog.hear()).toMatch(/^250 /);
    const folder = join(directory, 'mail', 'ann@example.com', 'new');
    const message = readFileSync(join(folder, readdirSync(folder)[0]!), 'latin1');
    return /https:\/\/localhost:\d+\/blob\/[\w-]{32}/.exec(message)![0];
  }

  const curl = (...words: string[]) => run(found('curl')!, ['-sS', '--max-time', '20', ...words]);
  const s_client = (...words: string[]) =>
    run(found('openssl')!, ['s_client', '-connect', `localhost:${port}`, ...words], '');

  test('curl gets the file by the link, and only as one who knows the authority', async () => {
    const file = join(directory, 'got');
    const got = await curl(
      '--cacert',
      authority.certificate,
      '-o',
      file,
      '-w',
      '%{http_code} %{scheme}',
      link,
    );
    expect(got).toEqual({ code: 0, output: '200 HTTPS' });
    expect(readFileSync(file).equals(octets)).toBe(true);
    expect((await curl(link)).code).toBe(60);
    // Nothing is said in clear.
    expect((await curl(link.replace('https:', 'http:'))).code).not.toBe(0);
  });

  test.each([
    ['-tls1_3', 'TLSv1.3'],
    ['-tls1_2', 'TLSv1.2'],
  ])('openssl %s: it speaks that', async (version, name) => {
    const { output } = await s_client(version, '-CAfile', authority.certificate, '-verify_return_error');
    expect(output).toContain(`New, ${name}`);
    expect(output).toContain('Verify return code: 0 (ok)');
  });

  test('it speaks nothing older than TLS 1.2', async () => {
    const { code, output } = await s_client('-tls1_1', '-cipher', 'ALL:@SECLEVEL=0');
    expect(code).not.toBe(0);
    expect(output).toMatch(/alert protocol version/);
  });

  test('a reload takes over a certificate that was renewed, and refuses one without its key', async () => {
    const reloaded = async (message: string): Promise<void> => {
      const line = gate.waitForLog(({ msg }) => msg === message);
      process.kill(gate.pid, 'SIGHUP');
      await line;
    };
    use('second');
    await reloaded('config reloaded');
    const { output } = await s_client('-CAfile', authority.certificate);
    expect(output).toMatch(/subject=.*CN ?= ?second/);
    copyFileSync(authority.issue('third', { host: 'localhost' }).certificate, join(directory, 'web.pem'));
    await reloaded('config not reloaded, the old one goes on');
    expect((await s_client('-CAfile', authority.certificate)).output).toMatch(/subject=.*CN ?= ?second/);
  });
});
