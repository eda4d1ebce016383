import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lacks } from '../interop/support/servers.ts';
import { builtPlugin, serveEach, type Asked } from './ask.ts';

/** attachment-guard looks into archives that real tools have made, and into such as nobody would make without a purpose. */
const SETTINGS = {
  default: {},
  lenient: { encryptedArchives: 'allow', unreadableArchives: 'allow' },
  macros: { macros: 'block' },
} as const;

const guards = new Map<string, Asked>();
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'postern-archives-'));
  const asked = await serveEach(
    builtPlugin('attachment-guard'),
    Object.values(SETTINGS).map((settings) => ({ ...settings, action: 'quarantine' })),
  );
  for (const [index, name] of Object.keys(SETTINGS).entries()) guards.set(name, asked[index]!);
}, 60_000);
afterAll(async () => {
  await guards.get('default')?.close();
  rmSync(folder, { recursive: true });
});

/** What is held against an attachment; '' if nothing. */
async function reason(
  octets: Uint8Array,
  {
    name = 'a.zip',
    type = 'application/octet-stream',
    settings = 'default',
  }: { name?: string; type?: string; settings?: keyof typeof SETTINGS } = {},
): Promise<string> {
  const message = [
    'From: bob@example.net',
    'Content-Type: multipart/mixed; boundary=edge',
    '',
    '--edge',
    `Content-Type: ${type}`,
    'Content-Transfer-Encoding: base64',
    `Content-Disposition: attachment; filename="${name}"`,
    '',
    Buffer.from(octets).toString('base64').replaceAll(/.{76}/g, '$&\n'),
    '--edge--',
    '',
  ].join('\n');
  const { decision } = await guards.get(settings)!.filter(message);
  return decision.reason?.slice(name.length + 2) ?? '';
}

const NOT_ALLOWED = 'in it, evil.exe: files with the extension .exe are not allowed';
const PE = Buffer.concat([Buffer.from('MZ\x90\0\x03\0\0\0', 'latin1'), Buffer.alloc(2000, 7)]);
const TEXT = Buffer.from('nothing in it '.repeat(300));

/** Runs a tool where these files are, and gives the one that it made. */
function made(files: Readonly<Record<string, Uint8Array>>, target: string, ...words: string[]): Buffer {
  const place = mkdtempSync(join(folder, 'made-'));
  for (const [name, octets] of Object.entries(files)) {
    mkdirSync(join(place, name, '..'), { recursive: true });
    writeFileSync(join(place, name), octets);
  }
  const [program = '', ...rest] = words;
  execFileSync(program, rest, { cwd: place, stdio: 'pipe' });
  return readFileSync(join(place, target));
}

const python = (files: Readonly<Record<string, Uint8Array>>, script: string): Buffer =>
  made(files, 'a.zip', 'python3', '-c', `import zipfile, io\n${script}`);

const GOOD = { 'docs/read me.txt': TEXT, 'b.csv': Buffer.from('1,2') };
const EVIL = { 'good.txt': TEXT, 'evil.exe': Buffer.from('harmless') };
const HIDDEN = { 'good.txt': TEXT, picture: PE };
const IS_PROGRAM = 'in it, picture: it is a Windows program, which is not allowed';

const missing = lacks('zip', '7z', 'tar', 'gzip', 'python3');

describe.skipIf(missing !== '')(`archives made with real tools${missing}`, () => {
  const streamed = (names: readonly string[]): string =>
    [
      'class Pipe(io.RawIOBase):',
      '  def __init__(self): self.f = open("a.zip", "wb")',
      '  def writable(self): return True',
      '  def write(self, b): return self.f.write(b)',
      'p = Pipe()',
      'z = zipfile.ZipFile(p, "w", zipfile.ZIP_DEFLATED)',
      ...names.map((name) => `z.write("${name}")`),
      'z.close(); p.f.close()',
    ].join('\n');
  const zip64 = (names: readonly string[]): string =>
    [
      'z = zipfile.ZipFile("a.zip", "w", zipfile.ZIP_DEFLATED)',
      ...names.map(
        (name) =>
          `f = z.open("${name}", "w", force_zip64=True); f.write(open("${name}", "rb").read()); f.close()`,
      ),
      'z.close()',
    ].join('\n');
  const kinds: readonly (readonly [
    string,
    string,
    (files: Readonly<Record<string, Uint8Array>>) => Buffer,
  ])[] = [
    ['zip', 'a.zip', (files) => made(files, 'a.zip', 'zip', '-q', 'a.zip', ...Object.keys(files))],
    ['zip -0', 'a.zip', (files) => made(files, 'a.zip', 'zip', '-q0', 'a.zip', ...Object.keys(files))],
    [
      'zip to a pipe',
      'a.zip',
      (files) => made(files, 'a.zip', 'sh', '-c', `zip -q - "$@" | cat > a.zip`, 'sh', ...Object.keys(files)),
    ],
    [
      'zip with ZIP64',
      'a.zip',
      (files) => made(files, 'a.zip', 'zip', '-q', '-fz', 'a.zip', ...Object.keys(files)),
    ],
    ['7z a.zip', 'a.zip', (files) => made(files, 'a.zip', '7z', 'a', 'a.zip', ...Object.keys(files))],
    ['Python, with data descriptors', 'a.zip', (files) => python(files, streamed(Object.keys(files)))],
    ['Python, with ZIP64', 'a.zip', (files) => python(files, zip64(Object.keys(files)))],
    ...['v7', 'ustar', 'gnu', 'pax'].map(
      (format) =>
        [
          `tar --format=${format}`,
          'a.tar',
          (files: Readonly<Record<string, Uint8Array>>) =>
            made(files, 'a.tar', 'tar', `--format=${format}`, '-cf', 'a.tar', ...Object.keys(files)),
        ] as const,
    ),
    ['tar -z', 'a.tar.gz', (files) => made(files, 'a.tgz', 'tar', '-czf', 'a.tgz', ...Object.keys(files))],
    [
      'a zip in a zip',
      'a.zip',
      (files) =>
        made(
          files,
          'b.zip',
          'sh',
          '-c',
          'zip -q a.zip "$@"; zip -q b.zip a.zip',
          'sh',
          ...Object.keys(files),
        ),
    ],
    [
      'a zip in a tar in a gzip',
      'a.tgz',
      (files) =>
        made(
          files,
          'a.tgz',
          'sh',
          '-c',
          'zip -q a.zip "$@"; tar -czf a.tgz a.zip',
          'sh',
          ...Object.keys(files),
        ),
    ],
    [
      'a tar in a zip',
      'a.zip',
      (files) =>
        made(
          files,
          'a.zip',
          'sh',
          '-c',
          'tar -cf a.tar "$@"; zip -q a.zip a.tar',
          'sh',
          ...Object.keys(files),
        ),
    ],
  ];

  test.each(kinds)('%s', async (_, name, make) => {
    expect(await reason(make(GOOD), { name })).toBe('');
    expect(await reason(make(EVIL), { name })).toBe(NOT_ALLOWED);
    expect(await reason(make(HIDDEN), { name })).toBe(IS_PROGRAM);
  });

  test('gzip: by the name in it, by the name without .gz, and by what it holds', async () => {
    const gz = (file: string, octets: Uint8Array): Buffer =>
      made({ [file]: octets }, `${file}.gz`, 'gzip', file);
    expect(await reason(gz('notes.txt', TEXT), { name: 'notes.txt.gz' })).toBe('');
    expect(await reason(gz('evil.exe', TEXT), { name: 'notes.gz' })).toBe(NOT_ALLOWED);
    expect(await reason(gzipSync(TEXT), { name: 'evil.exe.gz' })).toBe(NOT_ALLOWED);
    expect(await reason(gzipSync(PE), { name: 'picture.gz' })).toBe(IS_PROGRAM);
    const two = Buffer.concat([gzipSync(PE.subarray(0, 3)), gzipSync(PE.subarray(3))]);
    expect(await reason(two, { name: 'picture.gz' })).toBe(IS_PROGRAM);
  });

  test('what is encrypted: its names are judged, and it is blocked unless that is allowed', async () => {
    const make = (files: Readonly<Record<string, Uint8Array>>, ...words: string[]): Buffer =>
      made(files, 'a.zip', ...words, 'a.zip', ...Object.keys(files));
    for (const words of [
      ['zip', '-q', '-P', 'secret'],
      ['7z', 'a', '-psecret', '-mem=AES256'],
    ]) {
      expect(await reason(make(GOOD, ...words))).toMatch(/(?:b\.csv|read me\.txt) in it is encrypted$/);
      expect(await reason(make(GOOD, ...words), { settings: 'lenient' })).toBe('');
      expect(await reason(make(EVIL, ...words), { settings: 'lenient' })).toBe(NOT_ALLOWED);
    }
  });

  test('what is compressed in other ways: names are judged, and it is blocked unless that is allowed', async () => {
    for (const method of ['ZIP_BZIP2', 'ZIP_LZMA']) {
      const make = (name: string): Buffer =>
        python(
          EVIL,
          `z = zipfile.ZipFile("a.zip", "w", zipfile.${method}); z.write("good.txt", "${name}"); z.close()`,
        );
      expect(await reason(make('good.txt'))).toContain('good.txt is compressed in a way that is not known');
      expect(await reason(make('good.txt'), { settings: 'lenient' })).toBe('');
      expect(await reason(make('evil.exe'), { settings: 'lenient' })).toBe(NOT_ALLOWED);
    }
  });

  test('names in UTF-8 and in code page 437, and long ones in tar', async () => {
    const named = (name: string): Buffer =>
      python({}, `z = zipfile.ZipFile("a.zip", "w"); z.writestr(${name}, "x"); z.close()`);
    expect(await reason(named('"gr\\u00fc\\u00dfe \\u4e2d.exe"'))).toMatch(/^in it, grüße 中\.exe: files/);
    const cp437 = Buffer.from(named('"gr1.exe"').toString('latin1').replaceAll('gr1', 'gr\x81'), 'latin1');
    expect(await reason(cp437)).toMatch(/^in it, grü\.exe: files/);
    const long = `${'long/'.repeat(40)}evil.exe`;
    for (const format of ['gnu', 'pax', 'ustar']) {
      const tar = made({ [long]: TEXT }, 'a.tar', 'tar', `--format=${format}`, '-cf', 'a.tar', long);
      expect(await reason(tar, { name: 'a.tar' })).toMatch(/^in it, long.*: files with the extension \.exe/);
    }
  });

  test('macros, in documents that are ZIP archives and in those that are not, if that is asked for', async () => {
    const document = made(
      { 'word/document.xml': TEXT, 'word/vbaProject.bin': TEXT },
      'a.zip',
      'zip',
      '-q',
      'a.zip',
      'word/document.xml',
      'word/vbaProject.bin',
    );
    expect(await reason(document, { name: 'a.docm' })).toBe('');
    expect(await reason(document, { name: 'a.docm', settings: 'macros' })).toBe('it has macros');
    const ole2 = Buffer.concat([
      Buffer.from('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', 'latin1'),
      Buffer.alloc(65_530),
      Buffer.from('_VBA_PROJECT', 'utf16le'),
    ]);
    expect(await reason(ole2, { name: 'a.doc', settings: 'macros' })).toBe('it has macros');
    expect(await reason(ole2.subarray(0, 60_000), { name: 'a.doc', settings: 'macros' })).toBe('');
    expect(await reason(gzipSync(ole2), { name: 'a.doc.gz', settings: 'macros' })).toBe('it has macros');
  });
});

interface File {
  name: string;
  octets: Uint8Array;
  localName?: string;
  /** What the headers claim. */
  packed?: number;
  unpacked?: number;
  before?: Uint8Array;
  method?: number;
}

/** An archive as nobody makes one. */
function zipOf(files: readonly File[], { after = Buffer.alloc(0), comment = '' } = {}): Buffer {
  const pieces: Buffer[] = [];
  const entries: Buffer[] = [];
  let at = 0;
  for (const { name, octets, localName = name, before, method = 8, ...claims } of files) {
    const packed = method === 8 ? deflateRawSync(octets) : Buffer.from(octets);
    const sizes = [claims.packed ?? packed.length, claims.unpacked ?? octets.length];
    const fields = (nameSize: number): Buffer => {
      const buffer = Buffer.alloc(26);
      buffer.writeUInt16LE(20, 0);
      buffer.writeUInt16LE(method, 4);
      buffer.writeUInt32LE(sizes[0]!, 14);
      buffer.writeUInt32LE(sizes[1]!, 18);
      buffer.writeUInt16LE(nameSize, 22);
      return buffer;
    };
    if (before) pieces.push(Buffer.from(before));
    at += before?.length ?? 0;
    const offset = Buffer.alloc(14);
    offset.writeUInt32LE(at, 10);
    entries.push(
      Buffer.concat([Buffer.from('PK\x01\x02\0\0'), fields(name.length), offset, Buffer.from(name)]),
    );
    const local = [Buffer.from('PK\x03\x04'), fields(localName.length), Buffer.from(localName), packed];
    pieces.push(...local);
    at += local.reduce((sum, { length }) => sum + length, 0);
  }
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files.length, 4);
  end.writeUInt16LE(files.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(at + after.length, 12);
  end.writeUInt16LE(comment.length, 16);
  const last = [directory, Buffer.from('PK\x05\x06'), end, Buffer.from(comment, 'latin1')];
  return Buffer.concat([...pieces, after, ...last]);
}

const good = (name = 'good.txt'): File => ({ name, octets: TEXT });

describe('archives that lie', () => {
  test('an honest one of that making is none of them', async () => {
    expect(await reason(zipOf([good(), good('b.txt')]))).toBe('');
    expect(await reason(zipOf([good()], { comment: 'a comment' }))).toBe('');
  });

  const cannot = 'it cannot be looked into: ';
  const archives: readonly (readonly [string, Uint8Array, string])[] = [
    [
      'two names',
      zipOf([{ ...good(), localName: 'evil.txt' }]),
      'a file in it has two names, good.txt and evil.txt',
    ],
    [
      'a file before the first',
      zipOf([{ ...good(), before: zipOf([good('hidden.exe')]) }]),
      'something lies between its files',
    ],
    [
      'a file between',
      zipOf([good(), { ...good('b.txt'), before: Buffer.from('PK\x03\x04') }]),
      'something lies between its files',
    ],
    [
      'a file after the last',
      zipOf([good()], { after: Buffer.from('PK\x03\x04 and more') }),
      'something lies between its files',
    ],
    [
      'something before it',
      Buffer.concat([Buffer.from('PK\x03\x04 and'), zipOf([good()])]),
      'something lies before it or before its directory',
    ],
    [
      'something after it',
      Buffer.concat([zipOf([good()]), Buffer.from('more')]),
      'it has several directories',
    ],
    [
      'a directory in its comment',
      zipOf([good()], { comment: zipOf([]).toString('latin1') }),
      'something lies before it or before its directory',
    ],
    ['no directory', zipOf([good()]).subarray(0, 60), 'its directory is missing'],
    ['a size that is too large', zipOf([{ ...good(), packed: 0x7fffffff }]), 'a file in it is cut off'],
    ['a bomb', zipOf([{ ...good(), unpacked: 0x7fffffff }]), 'good.txt unpacks to 2147483647 octets'],
    [
      'a stored file of two sizes',
      zipOf([{ ...good(), method: 0, unpacked: 5 }]),
      'the size of good.txt is wrong',
    ],
    ['a damaged file', Buffer.from(zipOf([good()])).fill(0xff, 40, 60), 'good.txt: its codes are wrong'],
  ];
  test.each(archives)('%s', async (_, octets, expected) => {
    expect(await reason(octets)).toBe(cannot + expected);
    expect(await reason(octets, { settings: 'lenient' })).toBe('');
  });

  test('a forbidden name that only the local header has', async () => {
    const octets = zipOf([{ ...good(), localName: 'evil.exe' }]);
    expect(await reason(octets)).toBe(NOT_ALLOWED);
  });

  test('two files that share their octets', async () => {
    const octets = zipOf([good(), good('b.txt')]);
    // Offset of the second entry, which is now that of the first.
    const at = octets.lastIndexOf('PK\x01\x02');
    octets.writeUInt32LE(0, at + 42);
    expect(await reason(octets)).toContain('it cannot be looked into');
  });

  test('an archive that begins as something else is found by its name', async () => {
    const after = (name: string): Buffer => Buffer.concat([Buffer.from('GIF8'), zipOf([good(name)])]);
    expect(await reason(after('evil.exe'))).toBe(NOT_ALLOWED);
    expect(await reason(after('good.txt'))).toContain('something lies before it');
    expect(await reason(Buffer.from('just a text'), { name: 'a.zip' })).toBe('');
  });

  const magics: readonly (readonly [string, Buffer])[] = [
    ['GIF', Buffer.from('GIF89a')],
    ['PDF', Buffer.from('%PDF-1.4\n')],
    ['PNG', Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')],
    ['JPEG', Buffer.from('\xff\xd8\xff\xe0', 'latin1')],
    ['gzip', gzipSync('x')],
    ['Rar', Buffer.from('Rar!\x1a\x07\x01\0', 'latin1')],
    ['7z', Buffer.from("7z\xbc\xaf'\x1c", 'latin1')],
    ['OLE2', Buffer.from('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', 'latin1')],
    ['a PDF of 70,000 octets', Buffer.concat([Buffer.from('%PDF-1.4\n'), Buffer.alloc(70_000, 'a')])],
  ];
  describe.each(magics)('an archive behind %s', (_, magic) => {
    const behind = (name: string): Buffer => Buffer.concat([magic, zipOf([good(name)])]);
    const evil = /in it, evil\.exe: files with the extension \.exe are not allowed$/;

    test('is found by its name, by its declared type and by its end', async () => {
      for (const settings of ['default', 'macros'] as const) {
        for (const name of ['a.zip', 'a.xlsx', 'a.docm', 'a.zip.', 'a.gif', 'a']) {
          expect(await reason(behind('evil.exe'), { name, settings })).toMatch(evil);
        }
      }
      const cut = Buffer.concat([behind('evil.exe'), Buffer.from('\n')]);
      for (const type of ['application/zip', 'application/epub+zip', 'Application/Java-Archive']) {
        expect(await reason(cut, { name: 'a.bin', type })).toMatch(/several directories$/);
      }
      expect(await reason(cut, { name: 'a.zip' })).toMatch(/several directories$/);
    });

    test('is found in other archives by its name', async () => {
      const octets = behind('evil.exe');
      for (const method of [0, 8]) {
        expect(await reason(zipOf([good(), { name: 'in.zip', octets, method }]))).toMatch(evil);
        const twice = zipOf([{ name: 'in.docx', octets, method }]);
        expect(await reason(zipOf([{ name: 'out.zip', octets: twice, method }]))).toMatch(evil);
      }
      expect(await reason(gzipSync(octets), { name: 'a.zip.gz' })).toMatch(evil);
      expect(await reason(gzipSync(octets), { name: 'a.gz' })).toMatch(evil);
    });
  });

  test('a damaged gzip that is an archive, too, is one whatever the policy has against the damage', async () => {
    const octets = Buffer.concat([Buffer.from('\x1f\x8b', 'latin1'), zipOf([good('evil.exe')])]);
    expect(await reason(octets)).toContain('it is damaged');
    expect(await reason(octets, { settings: 'lenient' })).toBe(NOT_ALLOWED);
  });

  test('what is called so, or ends nearly so, and is none has nothing held against it', async () => {
    for (const [, magic] of magics.filter(([kind]) => !kind.includes('gzip'))) {
      for (const name of ['a.zip', 'a.xlsx', 'a.gif']) {
        expect(await reason(Buffer.concat([magic, Buffer.alloc(100_000, 1)]), { name })).toBe('');
      }
      const embedded = Buffer.concat([magic, zipOf([good()]), Buffer.alloc(512)]);
      expect(await reason(embedded, { name: 'a.doc' })).toBe('');
    }
  });
});

describe('what would take too much', () => {
  const nested = (depth: number): Buffer => {
    let octets = zipOf([{ name: 'evil.exe', octets: TEXT }]);
    for (let i = 1; i < depth; i++) octets = zipOf([{ name: `${i}.zip`, octets }]);
    return octets;
  };

  test('archives in archives, up to five', async () => {
    expect(await reason(nested(5))).toBe(NOT_ALLOWED);
    expect(await reason(nested(6))).toBe('it cannot be looked into: archives lie too deep in one another');
  });

  test('a gzip that unpacks to much, whatever is in it', async () => {
    const zeros = gzipSync(Buffer.alloc(300_000_000));
    const reasoned = 'it cannot be looked into: zeros unpacks to over 250 times its size';
    expect(await reason(zeros, { name: 'zeros.gz' })).toBe(reasoned);
    expect(await reason(gzipSync(Buffer.alloc(2_000_000)), { name: 'zeros.gz' })).toBe(reasoned);
    expect(await reason(gzipSync(Buffer.alloc(1_000_000)), { name: 'zeros.gz' })).toBe('');
    expect(await reason(gzipSync(randomBytes(2_000_000)), { name: 'noise.gz' })).toBe('');
  });

  test('a small file that unpacks to much, by its header or against it', async () => {
    const zeros = Buffer.alloc(50_000_000);
    expect(await reason(zipOf([{ name: 'zeros.txt', octets: zeros }]))).toContain(
      'zeros.txt unpacks to 50000000 octets',
    );
    const inner = zipOf([{ name: 'zeros.bin', octets: zeros, method: 0 }]);
    const lying = zipOf([{ name: 'inner.zip', octets: inner, unpacked: 1000 }]);
    expect(await reason(lying)).toBe('it cannot be looked into: it unpacks to more than can be looked at');
    expect(await reason(gzipSync(inner), { name: 'inner.zip.gz' })).toContain(
      'inner.zip unpacks to over 250 times its size',
    );
    expect(await reason(lying, { settings: 'lenient' })).toBe('');
  }, 60_000);

  test('many files', async () => {
    const files = Array.from({ length: 10_001 }, (_, i) => ({
      name: `${i}.txt`,
      octets: Buffer.alloc(0),
      method: 0,
    }));
    expect(await reason(zipOf(files))).toBe(
      'it cannot be looked into: it has more files than can be looked at',
    );
    expect(await reason(zipOf(files.slice(1)))).toBe('');
    const half = zipOf(files.slice(0, 6000));
    const twice = zipOf([
      { name: 'a.zip', octets: half },
      { name: 'b.zip', octets: half },
    ]);
    expect(await reason(twice)).toContain('it has more files than can be looked at');
  }, 60_000);

  test('files in an order that would have one part decoded again and again', async () => {
    const files = Array.from({ length: 2000 }, (_, i) => ({
      name: `${i}.txt`,
      octets: Buffer.alloc(3000, i),
      method: 0,
    }));
    const octets = zipOf(files);
    // The directory backwards: entries of one length each can be exchanged.
    const size = 46;
    const start = octets.indexOf('PK\x01\x02');
    const entries: Buffer[] = [];
    for (let at = start; octets.toString('latin1', at, at + 4) === 'PK\x01\x02';) {
      const length = size + octets.readUInt16LE(at + 28);
      entries.push(Buffer.from(octets.subarray(at, at + length)));
      at += length;
    }
    Buffer.concat(entries.toReversed()).copy(octets, start);
    expect(await reason(octets)).toBe('');
  }, 60_000);
});

describe('a tar archive that is another to some readers', () => {
  const block = (octets: string | Uint8Array): Buffer => {
    const whole = Buffer.from(octets as string);
    return Buffer.concat([whole, Buffer.alloc(-whole.length & 511)]);
  };
  const header = (name: string, size: number, kind = '0'): Buffer => {
    const made = Buffer.alloc(512);
    made.write(name);
    made.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
    made.write('        ', 148);
    made.write(kind, 156);
    made.write('ustar\x0000', 257);
    made.write(
      `${made
        .reduce((sum, octet) => sum + octet, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
    );
    return made;
  };
  const pax = (kind: string, ...records: string[]): Buffer => {
    const text = records
      .map((record) => `${record.length + 4 + (record.length > 96 ? 1 : 0)} ${record}\n`)
      .join('');
    return Buffer.concat([header('pax', text.length, kind), block(text)]);
  };
  const END = Buffer.alloc(1024);
  const evil = Buffer.concat([header('evil.exe', 5), block('hello')]);
  const good = (size: number): Buffer => header('good.txt', size);

  test.each<[string, Buffer, string]>([
    // GNU tar, 7-Zip and Python find evil.exe after the first 512 octets.
    [
      'by a size that takes the place of the header',
      Buffer.concat([pax('x', 'size=512'), good(512 + evil.length), block('x'.repeat(512)), evil, END]),
      'a file in it has two sizes',
    ],
    // GNU tar and Python name it evil.exe.
    [
      'by the name of a sparse file',
      Buffer.concat([
        pax('x', 'GNU.sparse.major=1', 'GNU.sparse.minor=0', 'GNU.sparse.name=evil.exe'),
        good(517),
        block('1\n0\n5\n'),
        block('hello'),
        END,
      ]),
      'a file in it has two sizes',
    ],
    [
      'by a name for all files',
      Buffer.concat([pax('g', 'path=evil.exe'), good(5), block('hello'), END]),
      'in it, evil.exe: files with the extension .exe are not allowed',
    ],
    [
      'by a file in pieces',
      Buffer.concat([header('good.txt', 5, 'S'), block('hello'), END]),
      'a file in it is not there in one piece',
    ],
  ])('%s', async (_what, octets, expected) => {
    expect(await reason(octets, { name: 'a.tar' })).toContain(expected);
  });

  test('and not by a comment for all files, as git makes it', async () => {
    const octets = Buffer.concat([pax('g', 'comment=0123456789abcdef'), good(5), block('hello'), END]);
    expect(await reason(octets, { name: 'a.tar' })).toBe('');
  });
});

describe('DEFLATE that is hostile', () => {
  const gz = (deflated: string | Uint8Array): Buffer =>
    Buffer.concat([Buffer.from([31, 139, 8, 0, 0, 0, 0, 0, 0, 255]), Buffer.from(deflated)]);
  const streams: readonly (readonly [string, Uint8Array, string])[] = [
    ['a block of the kind 3', Buffer.of(7, 0, 0), 'a block of no known kind'],
    ['a stored block whose length is wrong', Buffer.of(1, 5, 0, 5, 0, 1), 'the length of a block is wrong'],
    ['a stored block that is cut off', Buffer.of(1, 5, 0, 250, 255, 1), 'it ends in the middle'],
    ['nothing', Buffer.of(), 'damaged'],
    [
      'a distance before the beginning',
      Buffer.of(0x63, 0x00, 0x12, 0x00),
      'goes back to before its beginning',
    ],
    ['too many codes', Buffer.of(0xfd, 0xff, 0xff, 0xff, 0xff), 'too many codes'],
    ['codes without end', Buffer.of(5, 0, 0, 0, 0, 0, 0, 0, 0, 0), 'its codes are wrong'],
  ];
  test.each(streams)('%s', async (_, stream, expected) => {
    expect(await reason(gz(stream), { name: 'a.gz' })).toContain(expected);
  });

  test('any octets, and any change to good ones: an answer each time', async () => {
    let seed = 1;
    const random = (below: number): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    const archives = [
      ['a.zip', zipOf([good(), { name: 'in.zip', octets: zipOf([good('evil.txt')]) }])],
      ['a.tgz', gzipSync(Buffer.concat([TEXT, PE]))],
      ['a.gz', gz(Buffer.from(Array.from({ length: 300 }, () => random(256))))],
    ] as const;
    for (const [name, octets] of archives) {
      for (let round = 0; round < 150; round++) {
        const changed = Buffer.from(octets.subarray(0, random(4) === 0 ? random(octets.length) : undefined));
        for (let i = random(4); i >= 0 && changed.length > 0; i--)
          changed[random(changed.length)] = random(256);
        expect(typeof (await reason(changed, { name, settings: round % 2 ? 'default' : 'lenient' }))).toBe(
          'string',
        );
      }
    }
  }, 120_000);

  test('what zlib packs in all its ways unpacks to the same', async () => {
    const inner = zipOf([
      { name: 'evil.exe', octets: Buffer.from(TEXT), method: 0 },
      { name: 'x', octets: Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * i) >> 3)) },
    ]);
    for (const level of [0, 1, 6, 9]) {
      for (const strategy of [0, 1, 2, 3, 4]) {
        const octets = gzipSync(inner, { level, strategy });
        expect(await reason(octets, { name: 'a.zip.gz' })).toBe(NOT_ALLOWED);
      }
    }
  }, 60_000);
});
