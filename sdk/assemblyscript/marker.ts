/** Never called. Its presence among a module's exports says which version of `sdk/ABI.md` the plugin speaks. */
export function ocp_smtp_abi_1(): void {}
