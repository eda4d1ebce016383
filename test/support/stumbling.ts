import { compileWat, vectorText } from '../abi/wat.ts';

/** A plugin that does this, WebAssembly text, with a message of more than `octets`, and has nothing to say about others. */
export const stumbling = (wat: string, options: { octets: number }): Uint8Array =>
  compileWat(
    'stumbling.wat',
    vectorText(`
      (func (export "on_message") (result i32)
        (if (i32.gt_u (call $message_size) (i32.const ${options.octets})) (then ${wat}))
        (call $done))`),
  );
