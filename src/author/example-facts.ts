import type { Facts } from '../ocp/facts.ts';
import { STAGES, type Stage } from '../ocp/stage.ts';

const EXAMPLE = {
  client: { address: '192.0.2.7', port: 40_312 },
  helo: { verb: 'EHLO', name: 'mail.example.net' },
  sender: { address: 'bob@example.net', params: {} },
  recipients: [{ address: 'ann@example.com', params: {} }],
} as const;

/** What a plugin is told at a stage unless somebody says otherwise: an SMTP session with one sender and one recipient. */
export function exampleFacts(stage: Stage): Facts {
  const has = (since: Stage): boolean => STAGES.indexOf(stage) >= STAGES.indexOf(since);
  return {
    stage,
    session: 'session1',
    ...(has('mail') && { transaction: 'transaction1' }),
    service: '',
    listener: { name: 'inbound', protocol: 'smtp' },
    client: { ...EXAMPLE.client, ...(has('helo') && { helo: EXAMPLE.helo }) },
    ...(has('mail') && { sender: EXAMPLE.sender }),
    ...(has('rcpt') && { recipients: EXAMPLE.recipients }),
    ...(stage === 'report' && { message: { size: 1024 } }),
    ...(stage === 'report' && {
      outcomes: [{ recipient: 'ann@example.com', disposition: 'deliver', reply: '250 2.0.0 OK' }],
    }),
  };
}
