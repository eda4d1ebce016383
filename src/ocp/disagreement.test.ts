import { describe, expect, it } from 'vitest';
import { combine } from './combine.ts';
import type { Decision } from './decision.ts';
import { disagreement } from './disagreement.ts';
import { DEFAULT_SERVICE, type Service, type ServiceOutcome } from './service.ts';
import type { Stage } from './stage.ts';

const ANN = 'ann@example.com';
const BEN = 'ben@example.com';

/** `name: decision`, or the failure of a service; those whose name begins with `watched` are in monitor. */
type Said = Readonly<Record<string, Decision | 'trap' | 'overload' | 'notAsked' | 'edits'>>;

function outcomeOf(service: string, said: Said[string]): ServiceOutcome {
  const common = { service, micros: 1, logs: [], modified: false, memoryBytes: 0 };
  if (said === 'notAsked') return { ...common, result: { kind: 'notAsked' } };
  if (said === 'edits') return { ...common, result: { kind: 'decision', decision: {} }, wouldModify: true };
  return typeof said === 'string'
    ? { ...common, result: { kind: 'failure', failure: said, cause: 'why' } }
    : { ...common, result: { kind: 'decision', decision: said } };
}

function serviceOf(name: string): Service {
  return {
    name,
    plugin: name,
    ...DEFAULT_SERVICE,
    allowModify: true,
    mode: name.startsWith('watched') ? 'monitor' : 'enforce',
    onFailure: { ...DEFAULT_SERVICE.onFailure, trap: name.endsWith('mild') ? 'accept' : 'tempfail' },
  };
}

/** What the first service in monitor would have done. */
function found(said: Said, about: { stage?: Stage; recipients?: readonly string[] } = {}) {
  const { stage = 'message', recipients = [ANN, BEN] } = about;
  const services = new Map(Object.keys(said).map((name) => [name, serviceOf(name)]));
  const outcomes = Object.entries(said).map(([name, one]) => outcomeOf(name, one));
  const service = [...services.values()].find(({ mode }) => mode === 'monitor')!;
  return disagreement({
    stage,
    service,
    outcomes,
    services,
    combined: combine(outcomes, services),
    recipients: recipients.map((address) => ({ address })),
  });
}

describe('what a watched service would have done', () => {
  it('is nothing, where nothing would have been otherwise', () => {
    for (const decision of [
      {},
      { verdict: 'accept' },
      { tags: { a: 'b' }, score: 3, reason: 'why' },
    ] as const)
      expect(found({ watched: decision })).toEqual({ would: [], done: ['accept'] });
    expect(found({ watched: 'notAsked' })).toEqual({ would: [], done: ['accept'] });
    expect(found({ watchedmild: 'trap' }).would).toEqual([]);
    expect(found({ watched: { verdict: 'reject' } }, { stage: 'report' }).would).toEqual([]);
  });

  it.each(['reject', 'tempfail', 'quarantine', 'discard', 'bounce'] as const)('is to %s', (verdict) => {
    expect(found({ watched: { verdict } })).toEqual({ would: [verdict], done: ['accept'] });
  });

  it('is what its failures come to by its policy', () => {
    expect(found({ watched: 'trap' }).would).toEqual(['tempfail']);
    expect(found({ watched: 'overload' }).would).toEqual(['tempfail']);
  });

  it('is nothing, where others did the same or what is stronger', () => {
    expect(found({ watched: { verdict: 'reject' }, s: { verdict: 'reject' } })).toEqual({
      would: [],
      done: ['reject'],
    });
    expect(found({ s: { verdict: 'quarantine' }, watched: { verdict: 'discard' } }).would).toEqual([]);
  });

  it('is judged for each recipient', () => {
    const watched: Decision = {
      recipients: [
        { address: ANN, verdict: 'reject' },
        { address: BEN, verdict: 'quarantine' },
      ],
    };
    const s: Decision = { recipients: [{ address: ANN, verdict: 'reject' }] };
    expect(found({ watched }).would).toEqual(['reject', 'quarantine']);
    expect(found({ watched, s })).toEqual({ would: ['quarantine'], done: ['reject', 'accept'] });
  });

  it('leaves out those that it would have kept from being asked', () => {
    const s: Decision = { verdict: 'reject' };
    expect(found({ watched: { verdict: 'tempfail' }, s })).toEqual({ would: ['tempfail'], done: ['reject'] });
    expect(found({ watched: { final: true }, s })).toEqual({ would: ['accept'], done: ['reject'] });
    expect(found({ watched: 'trap', s }).would).toEqual(['tempfail']);
    expect(found({ watched: { verdict: 'quarantine' }, s }).would).toEqual([]);
  });

  it.each([
    ['another sender', { sender: 'x@example.org' }],
    ['another way', { nextHop: 'elsewhere' }],
    ['another folder', { folder: 'Junk' }],
    ['another folder for one', { recipients: [{ address: ANN, folder: 'Junk' }] }],
    ['more recipients', { addRecipients: ['x@example.org'] }],
    ['other recipients', { recipients: [{ address: ANN, replace: ['x@example.org'] }] }],
    ['another way for one', { recipients: [{ address: ANN, nextHop: 'elsewhere' }] }],
  ])('is a change: %s', (_, watched) => {
    expect(found({ watched })).toEqual({ would: ['change'], done: ['accept'] });
  });

  it('is a change of the message, unless nobody would have got it', () => {
    expect(found({ watched: 'edits' }).would).toEqual(['change']);
    expect(found({ watched: 'edits', s: { verdict: 'quarantine' } }).would).toEqual(['change']);
    expect(found({ watched: 'edits', s: { verdict: 'reject' } }).would).toEqual([]);
  });

  it('is found at every command: a rewrite, a recipient by whatever name, a disconnect', () => {
    const before = { stage: 'mail', recipients: [] } as const;
    expect(found({ watched: { rewrite: 'x@example.org' } }, before).would).toEqual(['change']);
    expect(found({ watched: { verdict: 'reject' } }, before).would).toEqual(['reject']);
    expect(found({ watched: { disconnect: true } }, { stage: 'connect', recipients: [] }).would).toEqual([
      'disconnect',
    ]);
    const single: Decision = { recipients: [{ address: 'new@example.org', verdict: 'discard' }] };
    const asked = { stage: 'rcpt', recipients: [ANN] } as const;
    expect(found({ s: { rewrite: 'new@example.org' }, watched: single }, asked).would).toEqual(['discard']);
  });

  it('is not what another watched service would have done', () => {
    expect(found({ watched: {}, watchedtoo: { verdict: 'reject' } }).would).toEqual([]);
  });
});
