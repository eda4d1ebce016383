package postern

// State is what this service remembers from one call of a transaction to a later one, at most 64 KiB in all. It ends
// with the transaction; what is set before MAIL lasts for the session.
var State state

type state struct{}

// Get gives the value, and whether there is one.
func (state) Get(key string) ([]byte, bool) {
	keyPtr, keySize := textPointer(key)
	octets := make([]byte, 256)
	ptr, room := octetsPointer(octets)
	found := stateGet(keyPtr, keySize, ptr, room)
	if found == notFound {
		return nil, false
	}
	size := must(found, "read the state ", `"`+key+`"`)
	if size > len(octets) {
		octets = make([]byte, size)
		ptr, room = octetsPointer(octets)
		stateGet(keyPtr, keySize, ptr, room)
	}
	return octets[:size], true
}

func (state) Set(key string, value []byte) {
	keyPtr, keySize := textPointer(key)
	ptr, size := octetsPointer(value)
	must(stateSet(keyPtr, keySize, ptr, size), "keep the state ", `"`+key+`"`)
}

// GetText is empty if there is none.
func (state state) GetText(key string) string {
	value, _ := state.Get(key)
	return decode(value)
}

func (state state) SetText(key string, value string) { state.Set(key, []byte(value)) }
