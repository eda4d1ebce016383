import type { CapabilityAnswer, CapabilityHost, CapabilityName } from '../ocp/capability.ts';
import type { Service } from '../ocp/service.ts';

/** A capability call of a case with what it was answered. */
export interface RecordedCall {
  readonly capability: CapabilityName;
  readonly request: Uint8Array;
  readonly answer: CapabilityAnswer;
}

/** Answers for the capabilities from what was recorded for each service. */
export class Replay implements CapabilityHost {
  readonly #left: ReadonlyMap<string, RecordedCall[]>;
  readonly #unknown = new Map<string, string[]>();

  /** Service name → its calls. */
  constructor(recorded: ReadonlyMap<string, readonly RecordedCall[]>) {
    this.#left = new Map([...recorded].map(([service, calls]) => [service, [...calls]]));
  }

  /** Each recorded call answers once: the first that is left of those with the same request. */
  async call({
    service,
    capability,
    octets,
  }: Parameters<CapabilityHost['call']>[0]): Promise<CapabilityAnswer> {
    const left = this.#left.get(service) ?? [];
    const at = left.findIndex(
      (one) => one.capability === capability && Buffer.from(one.request).equals(octets),
    );
    const [found] = at < 0 ? [] : left.splice(at, 1);
    if (found !== undefined) return found.answer;
    this.#unknown.set(service, [...(this.#unknown.get(service) ?? []), shown(capability, octets)]);
    return { kind: 'refused', error: 'UNAVAILABLE', cause: 'it was not recorded' };
  }

  /** How what was asked differs from what was recorded, in words. */
  differences(service: string): string[] {
    return [
      ...(this.#unknown.get(service) ?? []).map(
        (call) => `it asked ${call}, which was not recorded; postern plugin test --record asks the real one`,
      ),
      ...(this.#left.get(service) ?? []).map(
        ({ capability, request }) => `it did not ask ${shown(capability, request)}, which was recorded`,
      ),
    ];
  }
}

/** Lets the real ones answer, and remembers what was said. */
export class Recorder implements CapabilityHost {
  readonly #real: CapabilityHost;
  readonly #calls = new Map<string, RecordedCall[]>();

  constructor(real: CapabilityHost) {
    this.#real = real;
  }

  async call(request: Parameters<CapabilityHost['call']>[0]): Promise<CapabilityAnswer> {
    const answer = await this.#real.call(request);
    const { service, capability, octets } = request;
    const calls = this.#calls.get(service) ?? [];
    this.#calls.set(service, [...calls, { capability, request: octets, answer }]);
    return answer;
  }

  /** In the order of the answers. */
  calls(service: string): readonly RecordedCall[] {
    return this.#calls.get(service) ?? [];
  }
}

/** Refuses what a service is not granted, as a server does: such a call is neither recorded nor answered from a record. */
export function onlyGranted(
  host: CapabilityHost,
  services: readonly Pick<Service, 'name' | 'grants'>[],
): CapabilityHost {
  const grants = new Map(services.map((service) => [service.name, service.grants]));
  return {
    async call(request) {
      if (request.capability in (grants.get(request.service) ?? {})) return host.call(request);
      return { kind: 'refused', error: 'DENIED', cause: 'it is not granted' };
    },
  };
}

const SHOWN = 200;

/** `kv {"op":"put","key":"a"} and 12 octets`: the line of the request, cut, and the size of what follows it. */
function shown(capability: CapabilityName, request: Uint8Array): string {
  const octets = Buffer.from(request);
  const end = octets.indexOf('\n');
  const line = octets.toString('utf8', 0, end < 0 ? octets.length : end);
  const after = end < 0 ? '' : ` and ${octets.length - end - 1} octets`;
  return `${capability} ${line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line}${after}`;
}
