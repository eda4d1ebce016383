import { z } from 'zod';
import { describeError } from '../../base/errors.ts';
import type { ScanGrant, Scanner } from '../../ocp/capability.ts';
import { scanWith, type ScanResult } from './clamd.ts';
import { contentOf, contentSchema, type Content } from './content.ts';
import type { CapabilityPart } from './host.ts';
import { Rate } from '../../base/rate.ts';
import { answered, readRequest, refused } from './request.ts';

/**
 * The verdict of a virus scanner (`sdk/ABI.md`) about a range of the message, or about octets. What comes back is one of few answers and a
 * signature's name; the scanner keeps nothing, so a service in `monitor` asks it as any other does.
 */
const requestSchema = z.strictObject({ content: contentSchema });

export function scanPart(scanners: readonly Scanner[]): CapabilityPart<ScanGrant> {
  const byName = new Map(scanners.map((scanner) => [scanner.name, scanner]));
  const requests = new Rate();
  const octets = new Rate();
  return {
    async call(request) {
      const { service, grant, about, signal } = request;
      const read = readRequest(request.octets, requestSchema);
      if (!('fields' in read)) return read;
      const content = contentOf(request, { content: read.fields.content, body: read.body });
      if ('fault' in content) return refused('INVALID', content.fault);
      about(`${content.encodedSize} octets with ${grant.scanner}`);
      const scanner = byName.get(grant.scanner);
      if (scanner === undefined) return refused('UNAVAILABLE', `there is no scanner "${grant.scanner}"`);
      if (!requests.take(service, grant.requestsPerMinute)) {
        return refused('LIMIT', `it would be more than ${grant.requestsPerMinute} scans in a minute`);
      }
      if (!octets.take(service, grant.bytesPerMinute, { amount: content.encodedSize })) {
        return refused('LIMIT', `it would be more than ${grant.bytesPerMinute} octets in a minute`);
      }
      const result = await scanned(scanner, { content, signal });
      switch (result.kind) {
        case 'clean':
          return answered({ clean: true });
        case 'found':
          return answered({ clean: false, name: result.name });
        case 'tooLong':
          return refused('LIMIT', result.cause);
        case 'outage':
          return refused('UNAVAILABLE', `the scanner ${grant.scanner} gave no verdict: ${result.cause}`);
      }
    },
  };
}

async function scanned(
  scanner: Scanner,
  asked: { content: Content; signal: AbortSignal },
): Promise<ScanResult> {
  try {
    return await scanWith(scanner, asked);
  } catch (thrown) {
    return { kind: 'outage', cause: describeError(thrown) };
  }
}
