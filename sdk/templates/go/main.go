// Refuses mail whose text says a word, and marks what it lets through.
package main

import (
	"bytes"
	"strconv"
	"strings"

	postern "postern-plugin"
)

const chunk = 4096

// Asked once, when the service is loaded: what it says of the settings is what the operator reads.
//
//go:wasmexport configure
func configure() int32 {
	check := postern.CheckSettings("word")
	check.Get("word").Required("required is a text").Text(100)
	return postern.Configured(check.Problem())
}

// Asked about each message.
//
//go:wasmexport on_message
func onMessage() int32 {
	decision := new(postern.Decision)
	word := postern.FoldCase(postern.Settings().Get("word").Text())
	buffer := make([]byte, chunk+len(word))
	for _, part := range postern.Parts() {
		if !strings.HasPrefix(part.Type(), "text/") || !says(part, []byte(word), buffer) {
			continue
		}
		decision.Reject(550, "5.7.1", "no mail about "+word+" here")
		decision.Reason("part " + strconv.Itoa(part.Index) + " says " + postern.Quote(word))
		return postern.Decide(decision)
	}
	postern.Message.HeaderAdd("X-Checked-By", "{{name}}")
	return postern.Decide(decision)
}

func says(part postern.Part, word []byte, buffer []byte) bool {
	kept, offset := 0, 0
	for {
		size := part.Read(offset, buffer[kept:kept+chunk])
		if size == 0 {
			return false
		}
		offset += size
		end := kept + size
		for i, octet := range buffer[kept:end] {
			if octet >= 'A' && octet <= 'Z' {
				buffer[kept+i] = octet + 0x20
			}
		}
		if bytes.Contains(buffer[:end], word) {
			return true
		}
		// The word may straddle two reads: its length less one stays for the next.
		kept = min(len(word)-1, end)
		copy(buffer, buffer[end-kept:end])
	}
}

func main() {}
