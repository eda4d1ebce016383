import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Other implementations of DKIM and ARC: OpenDKIM and dkimpy (Debian's `opendkim` and `python3-dkim`). */
const OPENDKIM = '/usr/sbin/opendkim';
const PYTHON = '/usr/bin/python3';

/** Selector → key record: what stands for their DNS. */
export type Records = Readonly<Record<string, string>>;

/** What dkimpy says of a message: `pass`, `fail`, or `error` with a reason. */
export const dkimpyVerifies = (message: string, records: Records): Promise<string> =>
  python(
    `d = dkim.DKIM(sys.stdin.buffer.read())
try:
    print('pass' if d.verify(dnsfunc=txt) else 'fail')
except Exception as e:
    print('error', e)`,
    { message, records },
  );

/** What dkimpy says of a message's ARC chain: `pass` and so on, with how many sets there are. */
export const dkimpyVerifiesArc = (message: string, records: Records): Promise<string> =>
  python(
    `cv, results, reason = dkim.arc_verify(sys.stdin.buffer.read(), dnsfunc=txt)
print(cv.decode() if cv else 'none', len(results), reason)`,
    { message, records },
  );

/** A message with a signature by dkimpy. `options` are arguments of \`dkim.sign\`, in Python. */
export async function dkimpySigns(
  message: string,
  { pem, selector, options = '' }: { pem: string; selector: string; options?: string },
): Promise<string> {
  const field = await python(
    `sys.stdout.buffer.write(dkim.sign(sys.stdin.buffer.read(), b'${selector}', b'example.com', ${JSON.stringify(pem)}.encode(), ${options}))`,
    { message, records: {} },
  );
  return `${field}\r\n${message}`;
}

/** A message with another ARC set by dkimpy, which goes by its Authentication-Results of `authservId`: `arc=pass` is the chain so far. */
export async function dkimpySeals(
  message: string,
  { pem, selector, authservId }: { pem: string; selector: string; authservId: string },
): Promise<string> {
  const fields = await python(
    `for line in dkim.arc_sign(sys.stdin.buffer.read(), b'${selector}', b'example.com', ${JSON.stringify(pem)}.encode(), b'${authservId}'):
    sys.stdout.buffer.write(line)`,
    { message, records: {} },
  );
  return `${fields}\r\n${message}`;
}

function python(code: string, { message, records }: { message: string; records: Records }): Promise<string> {
  const script = `import sys, json, dkim
records = json.loads(sys.argv[1])
def txt(name, timeout=5):
    return records.get(name.decode().split('.')[0], '').encode() or None
${code}`;
  return run(PYTHON, { args: ['-c', script, JSON.stringify(records)], input: message });
}

/** What OpenDKIM says of a message. `directory` is for its files. */
export function opendkimVerifies(
  message: string,
  { records, directory }: { records: Records; directory: string },
): Promise<string> {
  const at = (name: string): string => join(directory, name);
  writeFileSync(at('message.eml'), message, 'latin1');
  const keys = Object.entries(records).map(([name, record]) => `${name}._domainkey.example.com ${record}\n`);
  writeFileSync(at('keys.txt'), keys.join(''));
  writeFileSync(
    at('opendkim.conf'),
    `TestPublicKeys ${at('keys.txt')}\nMode v\nSyslog no\nSocket local:${at('socket')}\n`,
  );
  return run(OPENDKIM, { args: ['-f', '-x', at('opendkim.conf'), '-t', at('message.eml'), '-vv'] });
}

/** A message with a signature by OpenDKIM with the key in a file. */
export async function opendkimSigns(
  message: string,
  { file, selector, directory }: { file: string; selector: string; directory: string },
): Promise<string> {
  const at = (name: string): string => join(directory, name);
  writeFileSync(at('message.eml'), message, 'latin1');
  writeFileSync(
    at('opendkim.conf'),
    `Domain example.com\nKeyFile ${file}\nSelector ${selector}\nMode s\nCanonicalization relaxed/relaxed\nSyslog no\nSocket local:${at('socket')}\nInternalHosts 0.0.0.0/0\nRequireSafeKeys no\n`,
  );
  const said = await run(OPENDKIM, {
    args: ['-f', '-x', at('opendkim.conf'), '-t', at('message.eml'), '-vv'],
  });
  const field = /hname='(DKIM-Signature)' hvalue='([^']*)'/.exec(said);
  if (field === null) throw new Error(`OpenDKIM does not sign: ${said}`);
  return `${field[1]}: ${field[2]!.trim().replaceAll(/\r?\n/g, '\r\n')}\r\n${message}`;
}

function run(
  program: string,
  { args, input = '' }: { args: readonly string[]; input?: string },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      { timeout: 30_000, encoding: 'latin1' },
      (error, stdout, stderr) => {
        if (error !== null && error.code === undefined) reject(error);
        else resolve(`${stdout}${stderr}`.trim());
      },
    );
    child.stdin!.on('error', () => {});
    child.stdin!.end(Buffer.from(input, 'latin1'));
  });
}
