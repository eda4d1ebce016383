/** Where the host has put the input: no two calls of an instance have it at the same address. (Prettier can't read this file.) */
@external('extism:host/env', 'input_offset')
export declare function input_offset(): u64;
