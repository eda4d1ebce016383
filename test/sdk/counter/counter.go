// Counts its calls in a variable, for reuse.test.ts; traps, or answers nonsense, for clients that say so.
package main

import (
	"fmt"

	postern "postern-plugin"
)

var calls int

//go:wasmexport on_helo
func onHelo() int32 {
	calls++
	switch postern.Facts().Helo() {
	case "trap":
		panic("on purpose")
	case "nothing":
		return 0
	}
	postern.Log.Info(fmt.Sprint(calls, " ", postern.Facts().Helo(), " ", postern.Settings().Get("name").Text()))
	return postern.Decide(new(postern.Decision))
}

func main() {}
