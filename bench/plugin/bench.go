// The same as index.ts: reads every octet of the message and adds a header field.
package main

import (
	"strconv"

	postern "postern-plugin"
)

//go:wasmexport on_message
func onMessage() int32 {
	buffer := make([]byte, 16*1024)
	size := postern.Message.Size()
	hash := uint32(2166136261)
	for offset := 0; offset < size; {
		count := postern.Message.Read(offset, buffer)
		for _, octet := range buffer[:count] {
			hash = (hash ^ uint32(octet)) * 16777619
		}
		offset += count
	}
	postern.Message.HeaderAdd("X-Bench", strconv.FormatUint(uint64(hash), 10))
	return postern.Decide(new(postern.Decision))
}

func main() {}
