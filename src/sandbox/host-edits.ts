import { addField, changeField, composeField, insertField, removeField } from '../mail/header-edit.ts';
import { isProblem, type Problem, type Splice } from '../mail/image.ts';
import { replacePart } from '../mail/part-edit.ts';
import { enterCall, type Call, type CallSlot } from './call.ts';
import { EDIT_LIMIT, keepsLineEndings, type Edits } from './edits.ts';
import { NO_MESSAGE, type AbiFunctions } from './host-message.ts';
import { readText } from './host-state.ts';
import type { MessageView } from './message-view.ts';
import { DENIED, INVALID, LIMIT } from './result-codes.ts';

type EditCalls =
  'splice' | 'header_add' | 'header_insert' | 'header_change' | 'header_remove' | 'part_replace';

interface Editing {
  readonly call: Call;
  readonly view: MessageView;
  readonly edits: Edits;
}

/** The calls of `ocp_smtp_v1` that propose edits. Why one was `INVALID` is in the service's log. */
export function editFunctions(slot: CallSlot): AbiFunctions<EditCalls> {
  const editing =
    (body: (context: Editing, ...args: number[]) => number) =>
    (...args: number[]): number => {
      const call = enterCall(slot);
      const { view, edits } = call.setup;
      if (view === undefined) return call.refuse(DENIED, NO_MESSAGE);
      if (edits === undefined) {
        return call.refuse(DENIED, 'the service may not change the message, since allowModify is not given');
      }
      return body({ call, view, edits }, ...args);
    };
  return {
    splice: editing((context, offset, remove, pointer, length) => {
      const { call, view } = context;
      const start = offset >>> 0;
      const count = remove >>> 0;
      const bytes = call.range(pointer, length);
      if (start + count > view.size) {
        return invalid(
          call,
          `Cannot splice: ${count} octets at ${start} are not inside a message of ${view.size} octets`,
        );
      }
      // A view of the guest's memory is enough to judge; what is kept is copied.
      return propose(context, [{ offset: start, remove: count, bytes }]);
    }),
    header_add: editing((context, namePointer, nameLength, valuePointer, valueLength) => {
      const field = fieldOf(context.call, [namePointer, nameLength, valuePointer, valueLength]);
      return propose(context, isProblem(field) ? field : addField(context.view.header, field));
    }),
    header_insert: editing((context, index, namePointer, nameLength, valuePointer, valueLength) => {
      const field = fieldOf(context.call, [namePointer, nameLength, valuePointer, valueLength]);
      const at = index >>> 0;
      return propose(
        context,
        isProblem(field) ? field : insertField(context.view.header, { index: at, field }),
      );
    }),
    header_change: editing((context, index, pointer, length) => {
      const { call, view } = context;
      const value = readText(call.range(pointer, length));
      if (value === undefined) return invalid(call, NOT_UTF8);
      return propose(
        context,
        changeField(view.header, { index: index >>> 0, value, smtputf8: call.setup.smtputf8 }),
      );
    }),
    header_remove: editing((context, index) =>
      propose(context, removeField(context.view.header, index >>> 0)),
    ),
    part_replace: editing((context, index, typePointer, typeLength, pointer, length) => {
      const { call, view } = context;
      const type = readText(call.range(typePointer, typeLength));
      const content = call.range(pointer, length);
      if (type === undefined) return invalid(call, NOT_UTF8);
      const message = { source: view.reader, parts: view.parts };
      return propose(context, replacePart(message, { index: index >>> 0, type, content }));
    }),
  };
}

const NOT_UTF8 = 'Cannot edit the message: a text is not UTF-8';

function fieldOf(
  call: Call,
  [namePointer, nameLength, valuePointer, valueLength]: FieldArguments,
): Uint8Array | Problem {
  const name = readText(call.range(namePointer, nameLength));
  const value = readText(call.range(valuePointer, valueLength));
  if (name === undefined || value === undefined) return { problem: NOT_UTF8 };
  return composeField({ name, value }, { smtputf8: call.setup.smtputf8 });
}

type FieldArguments = readonly [
  namePointer: number,
  nameLength: number,
  valuePointer: number,
  valueLength: number,
];

function propose({ call, view, edits }: Editing, proposed: Splice | readonly Splice[] | Problem): number {
  if (isProblem(proposed)) return invalid(call, proposed.problem);
  const splices = 'offset' in proposed ? [proposed] : proposed;
  if (!splices.every((splice) => keepsLineEndings(splice, (at) => view.octetAt(at)))) {
    return invalid(call, 'Cannot edit the message: a CR or LF would stand alone');
  }
  if (edits.add(splices)) return 0;
  const { addedBytes } = call.setup.limits;
  return call.refuse(
    LIMIT,
    `its edits would be more than ${EDIT_LIMIT}, or add more than ${addedBytes} octets`,
  );
}

function invalid(call: Call, why: string): number {
  call.log.add('debug', Buffer.from(why));
  return call.refuse(INVALID, why);
}
