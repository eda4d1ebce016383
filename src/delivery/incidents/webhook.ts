import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { OperationalError } from '../../base/errors.ts';
import { withTimeLimit } from '../../base/time-limit.ts';
import type { IncidentSink } from './sink.ts';

export interface WebhookOptions {
  readonly url: string;
  /** File with the key of the signature. */
  readonly secret?: string;
  readonly timeoutMs: number;
}

/**
 * One POST for each incident, its body the incident as JSON. With a secret, `X-Postern-Signature: sha256=…` is the HMAC-SHA-256 of the
 * body's octets in hexadecimal. Any 2xx takes it; a redirect does not.
 */
export function webhookSink({ url, secret, timeoutMs }: WebhookOptions): IncidentSink {
  return {
    name: 'webhook',
    batch: 1,
    async deliver(reports, signal) {
      for (const report of reports) {
        const body = JSON.stringify(report);
        const key = secret === undefined ? undefined : (await readFile(secret, 'utf8')).trim();
        const headers = {
          'Content-Type': 'application/json',
          'User-Agent': 'Postern',
          ...(key !== undefined && {
            'X-Postern-Signature': `sha256=${createHmac('sha256', key).update(body).digest('hex')}`,
          }),
        };
        const response = await withTimeLimit({ ms: timeoutMs, signal }, (limit) =>
          fetch(url, { method: 'POST', redirect: 'manual', headers, body, signal: limit }),
        );
        await response.body?.cancel();
        if (!response.ok) throw new OperationalError('webhook', `it answered ${response.status}`);
      }
    },
  };
}
