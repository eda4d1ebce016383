package postern

// Clock tells the time of day, as far as the operator grants it (capability clock).
var Clock clock

type clock struct{}

// IsGranted says whether the operator grants it; without that Now ends the call. For what the manifest has as optional.
func (clock) IsGranted() bool { return isGranted("clock") }

// Now is in milliseconds since the epoch.
func (clock) Now() int64 {
	size := ask(func(octets []byte) int32 { return askClock(octetsPointer(octets)) }, &JsonObject{}, nil)
	return readAnswer(must(size, "tell the time", "")).integer("ms")
}
