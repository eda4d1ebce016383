import { describe, expect, it } from 'vitest';
import { spoolOf } from '../base/spool.ts';
import { imageOf } from '../mail/image.ts';
import type { NotifyLeave } from '../ocp/notice.ts';
import { DEFAULT_LIMITS } from '../ocp/service.ts';
import type { Said } from './guest-call.ts';
import { HostMessage } from './process-message.ts';
import { readSaid } from './process-said.ts';
import { turnSchema, type SaidMessage } from './process-wire.ts';

const MIB = 1024 * 1024;

describe('readSaid', () => {
  const read = async (
    said: Partial<SaidMessage>,
    octets: Uint8Array = new Uint8Array(),
    notify?: NotifyLeave,
  ): Promise<Said> =>
    readSaid(
      {
        message: {
          kind: 'said',
          logs: [],
          memoryBytes: 0,
          splices: [],
          lacking: false,
          ...said,
        },
        octets,
      },
      {
        service: { limits: DEFAULT_LIMITS, allowModify: true },
        message: new HostMessage(imageOf(spoolOf(Buffer.from('Subject: hello\r\n\r\nHi\r\n')).handle)),
        notify,
        outage: undefined,
      },
    );

  it('lets others have a turn while it judges a splice of many MiB', async () => {
    const octets = Buffer.alloc(8 * MIB, '\r\n');
    let turns = 0;
    const count = (): void => {
      turns += 1;
      turning = setImmediate(count);
    };
    let turning = setImmediate(count);
    const { splices } = await read({ splices: [[0, 0, octets.length]] }, octets);
    clearImmediate(turning);
    expect(splices).toHaveLength(1);
    expect(turns).toBeGreaterThanOrEqual(7);
  });

  it.each([
    ['a bare CR', 'x\rx'],
    ['a bare LF', 'x\nx'],
  ])('finds %s at any place of a long splice', async (_name, bare) => {
    for (const at of [1, MIB - 2, MIB - 1, MIB, MIB + 1, 2 * MIB - 1, 2 * MIB, 2.5 * MIB - 3]) {
      const octets = Buffer.alloc(2.5 * MIB, 'x');
      octets.write(bare, at - 1, 'latin1');
      const lie = read({ splices: [[0, 0, octets.length]] }, octets);
      await expect(lie, `at ${at}`).rejects.toThrow('its edits would let a CR or LF stand alone');
    }
  });

  it('takes a line end at any place of a long splice', async () => {
    const octets = Buffer.alloc(2.5 * MIB, 'x');
    for (const at of [1, MIB - 2, MIB - 1, MIB, MIB + 1, 2 * MIB - 1, 2 * MIB]) {
      octets.write('x\r\nx', at - 1, 'latin1');
      await expect(read({ splices: [[0, 0, octets.length]] }, octets), `at ${at}`).resolves.toBeDefined();
      octets.fill('x');
    }
  });

  it('takes no notice that was not granted, and makes what it takes fit', async () => {
    const notice = { kind: 'notice', to: 'recipients', subject: 'a\rb', text: 'one\r\ntwo\0' } as const;
    const incident = { kind: 'incident', severity: 'info', event: 'x', text: '', fields: {} } as const;
    await expect(read({ notifications: [notice] })).rejects.toThrow('it notifies whom it may not');
    const leave = { to: ['recipients'], incidents: false } as const;
    const { notifications } = await read({ notifications: [notice] }, new Uint8Array(), leave);
    expect(notifications).toEqual([notice]);
    for (const beyond of [{ ...notice, to: 'sender' as const }, incident]) {
      const lie = read({ notifications: [notice, beyond] }, new Uint8Array(), leave);
      await expect(lie).rejects.toThrow('it notifies whom it may not');
    }
    const wire = turnSchema.safeParse({
      kind: 'said',
      logs: [],
      memoryBytes: 0,
      splices: [],
      lacking: false,
      notifications: [notice],
    });
    expect(wire.data).toMatchObject({ notifications: [{ subject: 'a b', text: 'one\ntwo ' }] });
  });

  it('takes an empty key of the state without a value once, and not over and over', async () => {
    const { state } = await read({ state: [['', 0]] });
    expect(state).toEqual({ '': new Uint8Array() });
    const lie = read({ state: Array.from({ length: 10_000 }, () => ['', 0]) });
    await expect(lie).rejects.toThrow('it keeps two values under one key');
  });
});
