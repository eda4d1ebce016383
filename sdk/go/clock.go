package postern

// Clock tells the time of day, as far as the operator grants it (capability clock).
var Clock clock

type clock struct{}

// Now is in milliseconds since the epoch.
func (clock) Now() int64 {
	size := ask(func(octets []byte) int32 { return askClock(octetsPointer(octets)) }, &JsonObject{}, nil)
	return readAnswer(must(size, "tell the time", "")).integer("ms")
}
