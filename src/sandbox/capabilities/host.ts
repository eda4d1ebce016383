import type { Log } from '../../base/log.ts';
import type {
  BlobGrant,
  CallSubject,
  CapabilityAnswer,
  CapabilityHost,
  CapabilityName,
  DirectoryGrant,
  DnsGrant,
  Grants,
  HttpGrant,
  KeyGrant,
  KvGrant,
  ScanGrant,
} from '../../ocp/capability.ts';
import type { Service } from '../../ocp/service.ts';
import { refused } from './request.ts';

/**
 * The program's own CapabilityHost: each capability is a part, in a file of its own, and is asked only by services that it is granted
 * to. Another capability is another part here, another key of `Grants`, and another call in `imports.ts` and `host-capability.ts`.
 *
 * Each request is a line in the log (debug): who, what about, and how it ended; never a secret, a value or a body. That a quota
 * is used up is a warning, at most one a minute for each service and capability.
 */
export interface CapabilityPart<Grant> {
  /** Never rejects for anything that a plugin asks, or that the world outside does. */
  call(request: PartRequest<Grant>): Promise<CapabilityAnswer>;
}

export interface PartRequest<Grant> extends CallSubject {
  readonly service: string;
  /** Which call asks, as in CapabilityRequest. */
  readonly call: object;
  readonly grant: Grant;
  readonly octets: Uint8Array;
  readonly signal: AbortSignal;
  /** Says for the log what it is about: an operation and a key, a method and an origin. */
  readonly about: (target: string) => void;
}

/** What the host offers. */
export interface CapabilityParts {
  /** There is none where nothing is served. */
  readonly blob?: CapabilityPart<BlobGrant>;
  readonly clock: CapabilityPart<true>;
  readonly directory: CapabilityPart<DirectoryGrant>;
  readonly dns: CapabilityPart<DnsGrant>;
  readonly http: CapabilityPart<HttpGrant>;
  readonly auth: CapabilityPart<true>;
  readonly key: CapabilityPart<KeyGrant>;
  readonly kv: CapabilityPart<KvGrant>;
  readonly scan: CapabilityPart<ScanGrant>;
}

const WARN_EVERY_MS = 60_000;

export function createCapabilityHost(options: {
  readonly services: readonly Pick<Service, 'name' | 'grants'>[];
  /** A capability without a part is not offered. */
  readonly parts: Partial<CapabilityParts>;
  readonly log: Log;
}): CapabilityHost {
  const { parts, log } = options;
  const grants = new Map(options.services.map((service) => [service.name, service.grants]));
  const audits = new Map<string, Audit>();

  const offered = new Map<CapabilityName, Asking>([
    ['blob', asking(parts.blob, ({ blob }) => blob)],
    ['clock', asking(parts.clock, ({ clock }) => clock)],
    ['directory', asking(parts.directory, ({ directory }) => directory)],
    ['dns', asking(parts.dns, ({ dns }) => dns)],
    ['http', asking(parts.http, ({ http }) => http)],
    ['auth', asking(parts.auth, ({ auth }) => auth)],
    ['key', asking(parts.key, ({ key }) => key)],
    ['kv', asking(parts.kv, ({ kv }) => kv)],
    ['scan', asking(parts.scan, ({ scan }) => scan)],
  ]);

  return {
    async call(request) {
      const { service, capability } = request;
      const key = `${capability} ${service}`;
      const audit = audits.get(key) ?? { requests: 0, refused: 0, warnedMs: -Infinity };
      audits.set(key, audit);
      let target = '';
      const about = (text: string): void => {
        target = text;
      };
      const ask = offered.get(capability) ?? notOffered;
      const answer = await ask(grants.get(service) ?? {}, { ...request, about });
      audit.requests += 1;
      const line = { service, capability, target, requests: audit.requests };
      if (answer.kind === 'answer') {
        log.debug({ ...line, octets: answer.octets.length }, 'a capability answered');
        return answer;
      }
      audit.refused += 1;
      const { error, cause } = answer;
      log.debug({ ...line, refused: audit.refused, error, cause }, 'a capability refused');
      // Without any grant of it: the operator's choice, which a service may well ask about with each message.
      const isBeyond = error === 'LIMIT' || (error === 'DENIED' && capability in (grants.get(service) ?? {}));
      if (isBeyond && performance.now() - audit.warnedMs >= WARN_EVERY_MS) {
        audit.warnedMs = performance.now();
        const met =
          error === 'LIMIT' ? 'has met the limit of a grant' : 'asked for what its grant does not have';
        log.warn({ service, capability, cause }, `a service ${met}`);
      }
      return answer;
    },
  };
}

/** Counted since the host was made. */
interface Audit {
  requests: number;
  refused: number;
  warnedMs: number;
}

type Asking = (granted: Grants, request: Omit<PartRequest<unknown>, 'grant'>) => Promise<CapabilityAnswer>;

function asking<Grant>(
  part: CapabilityPart<Grant> | undefined,
  grantIn: (granted: Grants) => Grant | undefined,
): Asking {
  if (part === undefined) return notOffered;
  return (granted, request) => {
    const grant = grantIn(granted);
    if (grant === undefined) return Promise.resolve(refused('DENIED', 'it is not granted'));
    return part.call({ ...request, grant });
  };
}

const notOffered: Asking = () => Promise.resolve(refused('DENIED', 'this Postern does not offer it'));
