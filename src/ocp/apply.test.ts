import { describe, expect, it } from 'vitest';
import { applyToFacts } from './apply.ts';
import type { Facts } from './facts.ts';

const base: Facts = {
  stage: 'rcpt',
  session: 's',
  service: 'x',
  listener: { name: 'in', protocol: 'smtp' },
  client: { address: '192.0.2.1', port: 1, helo: { verb: 'EHLO', name: 'mx.example.net' } },
  sender: { address: 'bob@example.net', params: { SIZE: '10' } },
  recipients: [{ address: 'ann@example.com', params: {} }],
  tags: { a: '1' },
  score: 1,
};

describe('applyToFacts', () => {
  it('leaves the facts alone when there is nothing to say', () => {
    expect(applyToFacts(base, {})).toEqual(base);
  });

  it('merges tags and adds scores', () => {
    const after = applyToFacts(base, { tags: { a: '2', b: '3' }, score: 2.5 });
    expect(after.tags).toEqual({ a: '2', b: '3' });
    expect(after.score).toBe(3.5);
    expect(base.tags).toEqual({ a: '1' });
  });

  it('keeps the score finite, so that it stays a number in JSON', () => {
    const once = applyToFacts(base, { score: Number.MAX_VALUE });
    const twice = applyToFacts(once, { score: Number.MAX_VALUE });
    expect(JSON.parse(JSON.stringify(twice))).toHaveProperty('score', Number.MAX_VALUE);
  });

  it('rewrites the recipient and remembers what the client gave, over two rewrites', () => {
    const once = applyToFacts(base, { rewrite: 'b@example.com' });
    const twice = applyToFacts(once, { rewrite: 'c@example.com' });
    expect(twice.recipients).toEqual([{ address: 'c@example.com', original: 'ann@example.com', params: {} }]);
  });

  it('rewrites the sender at mail and keeps its parameters', () => {
    expect(applyToFacts({ ...base, stage: 'mail' }, { rewrite: 'x@y' }).sender).toEqual({
      address: 'x@y',
      params: { SIZE: '10' },
    });
  });

  it('rewrites the name at helo', () => {
    expect(applyToFacts({ ...base, stage: 'helo' }, { rewrite: 'x.y' }).client.helo).toEqual({
      verb: 'EHLO',
      name: 'x.y',
    });
  });

  it('does not touch the envelope at message', () => {
    expect(applyToFacts({ ...base, stage: 'message' }, { rewrite: 'x@y' })).toEqual({
      ...base,
      stage: 'message',
    });
  });
});
