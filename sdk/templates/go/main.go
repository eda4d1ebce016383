// Refuses mail whose text says a word, and marks what it lets through.
package main

import (
	"strconv"
	"strings"

	postern "postern-plugin"
)

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
	for _, part := range postern.Parts() {
		if !strings.HasPrefix(part.Type(), "text/") || !part.Says(word) {
			continue
		}
		decision.Reject(550, "5.7.1", "no mail about "+word+" here")
		decision.Reason("part " + strconv.Itoa(part.Index) + " says " + postern.Quote(word))
		return postern.Decide(decision)
	}
	postern.Message.HeaderAdd("X-Checked-By", "{{name}}")
	return postern.Decide(decision)
}

func main() {}
