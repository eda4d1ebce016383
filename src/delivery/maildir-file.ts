import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { chunksOf, type ByteSource } from '../base/bytes.ts';
import { syncDirectory } from '../base/sync-directory.ts';

/**
 * Puts a message into a Maildir, or a folder of it, so that a reader sees all of it or nothing, and a power cut loses none of it once this
 * resolves: written and synced in `tmp`, moved to `new`, the directory synced. Makes the directories where they
 * are missing. Rejects with the error of the file system, leaving nothing behind in `tmp`.
 */
export async function deliverFile(maildir: string, file: MaildirFile): Promise<void> {
  const directory = join(maildir, file.folder);
  const temporary = join(directory, 'tmp', file.name);
  try {
    await writeSynced(temporary, file);
  } catch (error) {
    if (!isMissing(error)) throw error;
    await makeMaildir(maildir);
    if (file.folder !== '') await makeMaildir(directory, 'folder');
    await writeSynced(temporary, file);
  }
  try {
    await rename(temporary, join(directory, 'new', file.name));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(join(directory, 'new'));
}

export interface MaildirFile {
  /** Directory of the folder, below the Maildir; '' is the Maildir itself. */
  readonly folder: string;
  /** Unique within the Maildir. */
  readonly name: string;
  /** Header fields put before the message, with their CRLFs. */
  readonly header: string;
  readonly message: ByteSource;
}

async function writeSynced(path: string, { header, message }: MaildirFile): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(header);
    let written = 0;
    for await (const chunk of chunksOf(message)) {
      await file.writeFile(chunk);
      written += chunk.length;
    }
    if (written !== message.size) {
      throw new Error(`Cannot read the message: it ends at ${written} of ${message.size} octets`);
    }
    await file.sync();
    await file.close();
  } catch (error) {
    await file.close().catch(() => {}); // the first error is the one to tell
    await rm(path, { force: true });
    throw error;
  }
}

/** `tmp` comes last: where it is, the others are. A folder has a file that says that it is one (Maildir++). */
async function makeMaildir(directory: string, kind?: 'folder'): Promise<void> {
  for (const name of ['new', 'cur', 'tmp']) {
    if (kind === 'folder' && name === 'tmp')
      await (await open(join(directory, 'maildirfolder'), 'a', 0o600)).close();
    const made = await mkdir(join(directory, name), { recursive: true, mode: 0o700 });
    if (made !== undefined) await syncDirectory(dirname(made));
  }
  await syncDirectory(directory);
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';
