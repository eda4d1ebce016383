import { quotedName } from '../base/printable.ts';

/**
 * Everything that a plugin may import, with signatures (`sdk/ABI.md`): what is not here is refused when the plugin is
 * loaded. The host side of each call is in `kernel.ts`, `host-*.ts` and `wasi.ts`.
 */
export const ABI_MODULE = 'ocp_smtp_v1';
export const KERNEL_MODULE = 'extism:host/env';
export const WASI_MODULE = 'wasi_snapshot_preview1';

/** The export that says which ABI a plugin was written for. */
export const ABI_MARKER = 'ocp_smtp_abi_1';

/** Calls of `ocp_smtp_v1`: how many `i32` each takes. All return an `i32`. */
const ABI_CALLS = {
  message_size: 0,
  message_read: 3,
  header_count: 0,
  header_find: 3,
  header_name: 3,
  header_value: 3,
  part_count: 0,
  part_info: 3,
  part_read: 4,
  splice: 4,
  header_add: 4,
  header_insert: 5,
  header_change: 3,
  header_remove: 1,
  part_replace: 5,
  state_get: 4,
  state_set: 4,
  auth: 2,
  blob: 2,
  clock: 2,
  directory: 2,
  dns: 2,
  http: 2,
  key: 2,
  kv: 2,
  notify: 2,
  scan: 2,
  answer_read: 3,
} as const;

export type AbiCall = keyof typeof ABI_CALLS;

const KERNEL_CALLS = {
  alloc: 'i64 -> i64',
  free: 'i64 ->',
  length: 'i64 -> i64',
  length_unsafe: 'i64 -> i64',
  load_u8: 'i64 -> i32',
  load_u64: 'i64 -> i64',
  store_u8: 'i64 i32 ->',
  store_u64: 'i64 i64 ->',
  input_offset: '-> i64',
  input_length: '-> i64',
  input_load_u8: 'i64 -> i32',
  input_load_u64: 'i64 -> i64',
  output_set: 'i64 i64 ->',
  error_set: 'i64 ->',
  config_get: 'i64 -> i64',
  var_get: 'i64 -> i64',
  var_set: 'i64 i64 ->',
  log_trace: 'i64 ->',
  log_debug: 'i64 ->',
  log_info: 'i64 ->',
  log_warn: 'i64 ->',
  log_error: 'i64 ->',
  get_log_level: '-> i32',
} as const;

export type KernelCall = keyof typeof KERNEL_CALLS;

/** Of WASI preview 1 the host answers these; the others exist, do nothing and say `ENOSYS`. */
const WASI_CALLS = {
  args_get: 'i32 i32 -> i32',
  args_sizes_get: 'i32 i32 -> i32',
  environ_get: 'i32 i32 -> i32',
  environ_sizes_get: 'i32 i32 -> i32',
  clock_res_get: 'i32 i32 -> i32',
  clock_time_get: 'i32 i64 i32 -> i32',
  fd_write: 'i32 i32 i32 i32 -> i32',
  fd_close: 'i32 -> i32',
  fd_fdstat_get: 'i32 i32 -> i32',
  fd_prestat_get: 'i32 i32 -> i32',
  fd_read: 'i32 i32 i32 i32 -> i32',
  poll_oneoff: 'i32 i32 i32 i32 -> i32',
  proc_exit: 'i32 ->',
  random_get: 'i32 i32 -> i32',
  sched_yield: '-> i32',
} as const;

export type WasiCall = keyof typeof WASI_CALLS;

export const WASI_REFUSED: readonly string[] = (
  'fd_advise fd_allocate fd_datasync fd_fdstat_set_flags fd_fdstat_set_rights fd_filestat_get ' +
  'fd_filestat_set_size fd_filestat_set_times fd_pread fd_prestat_dir_name fd_pwrite fd_readdir ' +
  'fd_renumber fd_seek fd_sync fd_tell path_create_directory path_filestat_get ' +
  'path_filestat_set_times path_link path_open path_readlink path_remove_directory path_rename ' +
  'path_symlink path_unlink_file proc_raise sock_accept sock_recv sock_send ' +
  'sock_shutdown'
).split(' ');

const SIGNATURES: ReadonlyMap<string, ReadonlyMap<string, string | undefined>> = new Map([
  [
    ABI_MODULE,
    new Map(Object.entries(ABI_CALLS).map(([name, takes]) => [name, `${'i32 '.repeat(takes)}-> i32`])),
  ],
  [KERNEL_MODULE, new Map(Object.entries(KERNEL_CALLS))],
  [
    WASI_MODULE,
    new Map<string, string | undefined>([
      ...Object.entries(WASI_CALLS),
      ...WASI_REFUSED.map((name): [string, undefined] => [name, undefined]),
    ]),
  ],
]);

/** What is wrong with an import of a function, or undefined. */
export function importFault(imported: {
  module: string;
  name: string;
  signature?: string;
}): string | undefined {
  const { module, name, signature } = imported;
  const offered = SIGNATURES.get(module);
  if (offered === undefined || !offered.has(name)) {
    return `it imports ${quotedName(name)} from ${quotedName(module)}, which Postern does not offer`;
  }
  const expected = offered.get(name);
  if (expected === undefined || signature === expected) return undefined;
  return `it imports "${name}" from "${module}" as (${signature ?? 'unknown'}), it is (${expected})`;
}
