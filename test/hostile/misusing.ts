import type { CapabilityName } from '../../src/ocp/capability.ts';
import type { Stage } from '../../src/ocp/stage.ts';
import { compileWat, dataAt, vectorText } from '../abi/wat.ts';
import { LIMIT } from './misused.ts';

/** A plugin that checks what each request is told; what it returns is the number of the first that is told otherwise. */
export function asking(
  capability: CapabilityName,
  stages: Readonly<Partial<Record<Stage, readonly (readonly [string | Uint8Array, number])[]>>>,
): Uint8Array {
  let at = 1024;
  const places: string[] = [];
  const functions = Object.entries(stages).map(([stage, requests]) => {
    const checks = requests.map(([request, told]) => {
      const { place, range, end } = dataAt(at, request);
      places.push(place);
      at = end;
      return `(call $is (call $${capability} ${range}) (i32.const ${told}))`;
    });
    return `(func (export "on_${stage}") (result i32)
      ${checks.join('\n')}
      ;; Of what was refused there is no answer.
      (call $is (call $answer_read (i32.const 0) (i32.const 0) (i32.const 100)) (i32.const 0))
      (call $done))`;
  });
  return pluginOf(`${places.join('\n')} ${functions.join('\n')}`);
}

export const pluginOf = (body: string): Uint8Array =>
  compileWat(
    'plugin.wat',
    vectorText(body).replace('(memory (export "memory") 1)', '(memory (export "memory") 4)'),
  );

/** Requests of more octets than a line, and than a request, may have. */
export const huge = (capability: CapabilityName): Uint8Array =>
  pluginOf(`(func (export "on_message") (result i32)
    (call $is (memory.grow (i32.const 160)) (i32.const 4))
    (memory.fill (i32.const 65536) (i32.const 32) (i32.const 8400000))
    (call $is (call $${capability} (i32.const 65536) (i32.const 65537)) (i32.const ${LIMIT}))
    (call $is (call $${capability} (i32.const 65536) (i32.const 8388608)) (i32.const ${LIMIT}))
    (call $is (call $${capability} (i32.const 65536) (i32.const 8388609)) (i32.const ${LIMIT}))
    (call $done))`);

/** Asks the same until it may not, but for the first digit of what it asks. */
export function flooding(capability: CapabilityName, request: string): Uint8Array {
  const { place, range } = dataAt(1024, request);
  const digit = 1024 + request.search(/\d/);
  const vary =
    digit < 1024
      ? ''
      : `(i32.store8 (i32.const ${digit}) (i32.add (i32.const 48) (i32.rem_u (global.get $step) (i32.const 10))))`;
  return pluginOf(`${place} (func (export "on_message") (result i32)
    (loop $again
      (global.set $step (i32.add (global.get $step) (i32.const 1)))
      ${vary}
      (drop (call $${capability} ${range}))
      (br $again))
    unreachable)`);
}

/** Ranges that are not of its memory, each at a stage of its own. */
export const POINTERS = {
  connect: [262_100, 100],
  helo: [-1, 1],
  data: [0, -1],
  message: [-16, 32],
} as const;
export const beyond = (capability: CapabilityName): Uint8Array =>
  pluginOf(
    Object.entries(POINTERS)
      .map(
        ([stage, [pointer, length]]) => `(func (export "on_${stage}") (result i32)
          (drop (call $${capability} (i32.const ${pointer}) (i32.const ${length}))) (call $done))`,
      )
      .join('\n'),
  );
