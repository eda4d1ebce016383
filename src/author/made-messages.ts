/**
 * Messages to measure with, of about 4 KB, 100 KB and 1 MB: text alone, or text with an attachment in base64, which is how most mail
 * grows. Always the same octets.
 */
export function madeMessages(): readonly { readonly name: string; readonly message: Uint8Array }[] {
  return [
    { name: '4 KB', message: madeMessage(4_000) },
    { name: '100 KB', message: madeMessage(100_000) },
    { name: '1 MB', message: madeMessage(1_000_000) },
  ];
}

/** At most this much of a message is its text. */
const TEXT_SIZE = 20_000;

function madeMessage(size: number): Uint8Array {
  const header = [
    'From: Bob <bob@example.net>',
    'To: Ann <ann@example.com>',
    'Subject: A message to measure with',
    'Date: Mon, 23 Nov 2026 12:00:00 +0000',
    'Message-ID: <made@example.net>',
    'MIME-Version: 1.0',
  ];
  const line = 'The quick brown fox jumps over the lazy dog, again and again and again.\r\n';
  const text = line.repeat(Math.ceil(Math.min(size, TEXT_SIZE) / line.length));
  const [plain, base64] = ['Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: base64'];
  if (size <= TEXT_SIZE) return Buffer.from([...header, plain, '', text].join('\r\n'));
  const octets = Uint8Array.from({ length: Math.ceil(((size - TEXT_SIZE) * 3) / 4) }, (_, at) => at * 31);
  const lines = Buffer.from(octets).toString('base64').replaceAll(/.{76}/g, '$&\r\n');
  const attachment = ['--made', 'Content-Type: application/octet-stream; name="made.bin"', base64, '', lines];
  const top = [...header, 'Content-Type: multipart/mixed; boundary=made', '', '--made', plain, '', text];
  return Buffer.from([...top, ...attachment, '--made--', ''].join('\r\n'));
}
