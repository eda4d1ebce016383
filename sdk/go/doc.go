// Package postern is everything a Postern filter needs: the facts of the stage, the message, its parts, state, settings,
// log, and the decision. The contract beneath is sdk/ABI.md.
//
// A filter exports an on_<stage> function for every stage at which it wants to be asked; each ends in
// `return postern.Decide(…)`. What the host refuses ends the call as a failure of the service that names the reason; it
// never becomes a decision by accident.
package postern

// Never called. Its presence among a module's exports says which version of sdk/ABI.md the filter speaks.
//
//go:wasmexport ocp_smtp_abi_1
func abi1() {}
