import { applySplices, isProblem, type MessageImage } from '../mail/image.ts';
import type { Decision } from '../ocp/decision.ts';
import type { ScriptedService } from './proxy-testing.ts';

/** What the tests of messages share: recipients, and services that judge and change at the stage `message`. */
export const ANN = 'ann@example.com';
export const BEN = 'ben@example.com';
export const CID = 'cid@example.org';
export const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const marking =
  (text: string) =>
  (image: MessageImage): MessageImage => {
    const marked = applySplices(image, [{ offset: 0, remove: 0, bytes: Buffer.from(`${text}\r\n`) }]);
    if (isProblem(marked)) throw new Error(marked.problem);
    return marked;
  };
export const atMessage = (decision: Decision): ScriptedService => ({ says: { message: () => decision } });
export const judging = (verdicts: Readonly<Record<string, Decision['verdict']>>): ScriptedService =>
  atMessage({ recipients: Object.entries(verdicts).map(([address, verdict]) => ({ address, verdict })) });
