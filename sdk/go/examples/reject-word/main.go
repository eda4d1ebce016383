// Rejects mail whose text has a word, in upper or lower case, wherever one read ends and the next begins.
package main

import (
	"strconv"
	"strings"

	postern "postern-plugin"
)

//go:wasmexport configure
func configure() int32 {
	check := postern.CheckSettings("word")
	check.Get("word").Required("required is a text").Text(100)
	return postern.Configured(check.Problem())
}

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
		break
	}
	return postern.Decide(decision)
}

func main() {}
