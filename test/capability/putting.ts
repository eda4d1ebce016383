import type { CallSubject, CapabilityHost } from '../../src/ocp/capability.ts';
import { ask, type Heard } from './asking.ts';

/** A file that is put, but for its content. */
export const FILE = { op: 'put', name: 'report.pdf', type: 'application/pdf' };

/** Asks for `blob` of the host that there is by then, for the service `s` if no other is named. */
export function putting(host: () => CapabilityHost) {
  const blob = (
    fields: object | string,
    body?: string | Uint8Array,
    { service = 's', subject }: { service?: string; subject?: CallSubject } = {},
  ): Promise<Heard> =>
    ask(host(), {
      service,
      capability: 'blob',
      fields,
      ...(body !== undefined && { body }),
      ...(subject && { subject }),
    });
  /** Puts a file; throws if it is refused. */
  async function put(
    fields: object = {},
    body: string | Uint8Array = 'content',
  ): Promise<{ url: string; id: string }> {
    const { said, error, cause } = await blob({ ...FILE, ...fields }, body);
    if (error !== undefined) throw new Error(cause);
    return { url: String(said!['url']), id: String(said!['id']) };
  }
  return { blob, put };
}
