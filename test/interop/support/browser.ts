import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { found } from './servers.ts';

/**
 * A Chromium of its own for one test, led through its DevTools protocol: JSON messages over a pipe, each ended by a NUL. What it
 * keeps, downloads included, is in `directory`.
 */
export interface Browser {
  /** Shows the page, and waits until all of it is there. Answers with its HTML. */
  show(url: string): Promise<string>;
  /** Presses the mouse button over the first element that the selector finds, and waits for what is downloaded then. Its file name. */
  download(selector: string): Promise<string>;
  close(): Promise<void>;
}

const DEADLINE_MS = 60_000;

interface Heard {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

/** `downloads`: an existing directory, where files go. */
export async function startBrowser(
  directory: string,
  { downloads }: { downloads: string },
): Promise<Browser> {
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--remote-debugging-pipe'];
  const child = spawn(found('chromium')!, [...flags, `--user-data-dir=${directory}/chromium`], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    env: { ...process.env, HOME: directory },
  });
  const ended = once(child, 'close');
  const [, , , commands, messages] = child.stdio as unknown as [null, null, null, Writable, Readable];
  // A browser that has gone shows by the deadline of what was asked of it.
  commands.on('error', () => {});
  const waiting = new Set<(message: Heard) => void>();
  let unread = '';
  messages.setEncoding('utf8').on('data', (text: string) => {
    const whole = (unread + text).split('\0');
    unread = whole.pop()!;
    for (const one of whole) {
      const message = JSON.parse(one) as Heard;
      for (const listener of waiting) listener(message);
    }
  });
  const hear = (what: string, isIt: (message: Heard) => boolean): Promise<Heard> =>
    new Promise((resolve, reject) => {
      const listener = (message: Heard): void => {
        if (isIt(message)) settle(() => resolve(message));
      };
      const timer = setTimeout(
        () => settle(() => reject(new Error(`Cannot go on: no ${what}`))),
        DEADLINE_MS,
      );
      const settle = (then: () => void): void => {
        clearTimeout(timer);
        waiting.delete(listener);
        then();
      };
      waiting.add(listener);
    });
  let lastId = 0;
  let sessionId: string | undefined;
  const tell = async (method: string, params: object = {}): Promise<Readonly<Record<string, unknown>>> => {
    const id = ++lastId;
    const answer = hear(`answer to ${method}`, (message) => message.id === id);
    commands.write(`${JSON.stringify({ id, method, params, ...(sessionId && { sessionId }) })}\0`);
    const { result, error } = await answer;
    if (error !== undefined) throw new Error(`Cannot do ${method}: ${error.message}`);
    return result ?? {};
  };
  const evaluate = async (expression: string): Promise<unknown> => {
    const { result } = await tell('Runtime.evaluate', { expression, returnByValue: true });
    return (result as { value?: unknown }).value;
  };
  const close = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };

  try {
    await tell('Browser.setDownloadBehavior', {
      behavior: 'allow',
      downloadPath: downloads,
      eventsEnabled: true,
    });
    const { targetId } = await tell('Target.createTarget', { url: 'about:blank' });
    const attached = await tell('Target.attachToTarget', { targetId, flatten: true });
    sessionId = String(attached['sessionId']);
    await tell('Page.enable');
  } catch (error) {
    await close();
    throw error;
  }
  return {
    async show(url) {
      const loaded = hear('page', ({ method }) => method === 'Page.loadEventFired');
      await tell('Page.navigate', { url });
      await loaded;
      return String(await evaluate('document.documentElement.outerHTML'));
    },
    async download(selector) {
      const place = await evaluate(
        `(() => { const { x, y, width, height } = document.querySelector(${JSON.stringify(selector)}).getBoundingClientRect();
          return { x: x + width / 2, y: y + height / 2 }; })()`,
      );
      const begun = hear('download', ({ method }) => method === 'Browser.downloadWillBegin');
      const done = hear(
        'end of a download',
        ({ method, params }) => method === 'Browser.downloadProgress' && params?.['state'] !== 'inProgress',
      );
      const press = { ...(place as object), button: 'left', clickCount: 1 };
      await tell('Input.dispatchMouseEvent', { type: 'mousePressed', ...press });
      await tell('Input.dispatchMouseEvent', { type: 'mouseReleased', ...press });
      const [{ params: what }, { params: how }] = await Promise.all([begun, done]);
      if (how?.['state'] !== 'completed')
        throw new Error(`Cannot download: it was ${String(how?.['state'])}`);
      return String(what?.['suggestedFilename']);
    },
    close,
  };
}
