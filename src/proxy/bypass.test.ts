import { describe, expect, it } from 'vitest';
import { ProxyBench, belowTrace, TEXT, type ScriptedService } from './proxy-testing.ts';

const [ANN, BEN] = ['ann@example.com', 'ben@example.com'];
/** Says nothing at every stage of a transaction, so that it shows where it is asked. */
const listening = (more: Partial<ScriptedService> = {}): ScriptedService => ({
  says: { mail: () => ({}), rcpt: () => ({}), data: () => ({}), message: () => ({}), report: () => ({}) },
  ...more,
});
const services = { may: listening({ bypassable: true }), not: listening() };
const requesters = [{ client: ['192.0.2.0/24'] }];
const stagesOf = (bench: ProxyBench, service: string): string[] =>
  bench.asked.flatMap((asked) => (asked.service === service ? [asked.facts.stage] : []));
const ALL = ['mail', 'rcpt', 'data', 'message', 'report'];
const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a service that was bypassed', () => {
  it('is not asked from `mail` on, if the dialog asked', async () => {
    const bench = new ProxyBench({ services, requesters });
    const params = { 'OPES-BYPASS': '*' };
    expect((await bench.converse({ params })).message).toEqual([250]);
    await later();
    expect(stagesOf(bench, 'may')).toEqual([]);
    expect(stagesOf(bench, 'not')).toEqual(ALL);
  });

  it('is not asked from `message` on, if the message asked', async () => {
    const bench = new ProxyBench({ services, requesters });
    await bench.converse({ text: `OPES-Bypass: *\r\n${TEXT}` });
    await later();
    expect(stagesOf(bench, 'may')).toEqual(['mail', 'rcpt', 'data']);
    expect(stagesOf(bench, 'not')).toEqual(ALL);
  });

  it('is asked about the other recipients, if a release let one past it', async () => {
    const edit = services.may.says;
    const rewriting = { ...edit, rcpt: () => ({ rewrite: 'anna@example.com' }) };
    const bypasses = { [`bob@example.net ${ANN}`]: ['may', 'not'] };
    const bench = new ProxyBench({ services, bypasses });
    await bench.converse({ recipients: [ANN, BEN] });
    await later();
    const about = bench.asked.filter(({ service, facts }) => service === 'may' && facts.stage !== 'mail');
    expect(about.map(({ facts }) => facts.recipients?.map(({ address }) => address))).toEqual(
      Array.from({ length: 4 }, () => [BEN]),
    );
    expect(stagesOf(bench, 'not').filter((stage) => stage === 'message')).toHaveLength(2);

    // It stays with the recipient whom another service rewrites.
    const rewritten = new ProxyBench({
      services: { may: services.may, first: { says: { rcpt: rewriting.rcpt } } },
      bypasses,
    });
    await rewritten.converse({ recipients: [ANN] });
    await later();
    expect(stagesOf(rewritten, 'may')).toEqual(['mail']);
  });

  it('is asked all the same by who may not ask: the parameter is refused, the field is ignored', async () => {
    const bench = new ProxyBench({ services, requesters: [{ client: ['198.51.100.0/24'] }] });
    expect(await bench.converse({ params: { 'OPES-BYPASS': '*' } })).toMatchObject({ mail: 550 });
    expect(stagesOf(bench, 'may')).toEqual([]);
    expect((await bench.converse({ text: `OPES-Bypass: *\r\n${TEXT}` })).message).toEqual([250]);
    await later();
    expect(stagesOf(bench, 'may')).toEqual(ALL);
    const causes = bench.lines.filter(({ message }) => message === 'bypass refused');
    expect(causes.map(({ fields }) => fields['cause'])).toEqual(
      Array(2).fill('the requester may not ask (opes.bypass)'),
    );
  });

  it('is asked if the store can not be: nothing is let past on a failure', async () => {
    const bench = new ProxyBench({ services, bypasses: 'broken' });
    expect((await bench.converse()).message).toEqual([250]);
    expect(stagesOf(bench, 'may')).toContain('rcpt');
    expect(bench.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });
});

describe('what is offered', () => {
  const offers = (surroundings: ConstructorParameters<typeof ProxyBench>[0]) =>
    new ProxyBench(surroundings).handler.offers();

  it('applies to the client: PRDR with services, a bypass to who may ask', async () => {
    expect(await offers({ services })).toMatchObject({ prdr: true, bypass: false });
    expect(await offers({ services, requesters })).toMatchObject({ prdr: true, bypass: true });
    // Which sender, only MAIL tells.
    const requester = { ...requesters[0], sender: ['x@y.test'] };
    expect(await offers({ services, requesters: [requester] })).toMatchObject({ bypass: true });
    const user = [{ authenticated: true as const }];
    expect(await offers({ services, requesters: user })).toMatchObject({ bypass: false });
    expect(await offers({ services: { not: services.not }, requesters })).toMatchObject({ bypass: false });
    expect(await offers({ services, listener: { protocol: 'lmtp' } })).toMatchObject({ prdr: false });
  });

  it.each([
    [[], { eightBit: false, binary: false, utf8: false }],
    [['8BITMIME', 'BINARYMIME'], { eightBit: true, binary: false, utf8: false }],
    [['BINARYMIME', 'CHUNKING'], { eightBit: false, binary: false, utf8: false }],
    [['8BITMIME', 'BINARYMIME', 'CHUNKING', 'SMTPUTF8'], { eightBit: true, binary: true, utf8: true }],
  ])('is in through mode what the downstream takes: of %j', async (extensions, expected) => {
    expect(await offers({ extensions, listener: { mode: 'through' } })).toMatchObject(expected);
    const all = { eightBit: true, binary: true, utf8: true };
    expect(await offers({ extensions, listener: { mode: 'queue' } })).toMatchObject(all);
  });
});

describe('PRDR', () => {
  const late: ScriptedService = {
    says: { message: () => ({ recipients: [{ address: BEN, verdict: 'reject' }] }) },
  };

  it('gives each recipient its reply and then one for the message, and stays between the client and us', async () => {
    const bench = new ProxyBench({ services: { late }, listener: { mixedVerdicts: 'reject' } });
    const codes = await bench.converse({ recipients: [BEN, ANN], params: { PRDR: '', BODY: '8BITMIME' } });
    expect(codes.message).toEqual([550, 250, 250]);
    const [mail] = await bench.forwarded();
    expect([mail!.recipients, belowTrace(mail!.text)]).toEqual([[ANN], TEXT]);
    expect(bench.kept.bounces).toEqual([]);
    expect(bench.senders).toEqual([{ BODY: '8BITMIME' }]);
  });

  it('refuses the message where all are refused: for now, if any of them is', async () => {
    const both: ScriptedService = {
      says: {
        message: () => ({
          recipients: [
            { address: BEN, verdict: 'reject' },
            { address: ANN, verdict: 'tempfail' },
          ],
        }),
      },
    };
    const params = { PRDR: '' };
    const all = new ProxyBench({ services: { late } });
    expect((await all.converse({ recipients: [BEN], params })).message).toEqual([550, 550]);
    const some = new ProxyBench({ services: { both } });
    expect((await some.converse({ recipients: [BEN, ANN], params })).message).toEqual([550, 451, 451]);
  });
});

it('a refusal names the service; where the line would be too long, on a line of its own', async () => {
  const saying = (text: string): ScriptedService => ({
    says: { mail: () => ({ verdict: 'reject', reply: { code: 550, text } }) },
  });
  const trace = '(OPES mailto:postmaster@gate.test?service=s)';
  const said = async (text: string): Promise<readonly string[]> => {
    const { handler } = new ProxyBench({ services: { s: saying(text) } });
    return (await handler.mail({ address: 'bob@example.net', params: {} })).reply.lines;
  };
  expect(await said('Not you')).toEqual([`Not you ${trace}`]);
  expect(await said('x'.repeat(480))).toEqual(['x'.repeat(480), trace]);
});
