package postern

import "encoding/binary"

// Extism's input, output and configuration. Only what is small goes this way: facts, settings, decisions and log lines,
// eight octets a call. Message content goes through ocp_smtp_v1, a range a call.

func readInput() []byte {
	octets := make([]byte, extismInputLength())
	at := 0
	for ; at+8 <= len(octets); at += 8 {
		binary.LittleEndian.PutUint64(octets[at:], extismInputLoadU64(uint64(at)))
	}
	for ; at < len(octets); at++ {
		octets[at] = byte(extismInputLoadU8(uint64(at)))
	}
	return octets
}

func writeOutput(text string) {
	extismOutputSet(toExtism(text), uint64(len(text)))
}

// The configuration value of that name, nil if there is none.
func readConfig(name string) []byte {
	block := extismConfigGet(toExtism(name))
	if block == 0 {
		return nil
	}
	octets := make([]byte, extismLength(block))
	at := 0
	for ; at+8 <= len(octets); at += 8 {
		binary.LittleEndian.PutUint64(octets[at:], extismLoadU64(block+uint64(at)))
	}
	for ; at < len(octets); at++ {
		octets[at] = byte(extismLoadU8(block + uint64(at)))
	}
	return octets
}

// Copies a text to the host, which frees it with the instance.
func toExtism(text string) uint64 {
	octets := []byte(text)
	block := extismAlloc(uint64(len(octets)))
	at := 0
	for ; at+8 <= len(octets); at += 8 {
		extismStoreU64(block+uint64(at), binary.LittleEndian.Uint64(octets[at:]))
	}
	for ; at < len(octets); at++ {
		extismStoreU8(block+uint64(at), uint32(octets[at]))
	}
	return block
}

// Fail ends the call as a failure of the service, with this reason.
func Fail(reason string) {
	extismErrorSet(toExtism(reason))
	panic(reason)
}

// Gives a host call's result on, or ends the call: what the host refuses is a mistake of the filter or of its
// configuration, and one that went on as if nothing had happened would let through what it should have changed.
func must(result int32, what string, name string) int {
	if result < 0 {
		Fail("Cannot " + what + name + ": " + reasonOf(result))
	}
	return int(result)
}

func reasonOf(result int32) string {
	switch result {
	case invalid:
		return "the host found the index, the range or the text invalid"
	case notFound:
		return "there is no such thing"
	case denied:
		return "not allowed by the operator (allowModify, a grant), or not at this stage"
	case limit:
		return "a limit of the service, or of a grant, would be passed"
	case outage:
		return "what was granted is out of order"
	default:
		return "the host gave an unknown result"
	}
}

// An error by its name in sdk/ABI.md.
func nameOf(result int32) string {
	switch result {
	case notFound:
		return "NOT_FOUND"
	case denied:
		return "DENIED"
	case limit:
		return "LIMIT"
	case outage:
		return "UNAVAILABLE"
	default:
		return "INVALID"
	}
}
