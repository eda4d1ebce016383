// Puts a text in the place of every attachment whose name has one of these extensions.
package main

import (
	"math"
	"strings"

	postern "postern-plugin"
)

//go:wasmexport configure
func configure() int32 {
	check := postern.CheckSettings("extensions")
	check.Get("extensions").Texts(20)
	return postern.Configured(check.Problem())
}

func refuses(name string) bool {
	extensions := postern.Settings().Get("extensions")
	extension := postern.FoldCase(name[strings.LastIndexByte(name, '.')+1:])
	if extensions.IsMissing() {
		return extension == "exe"
	}
	for _, refused := range extensions.Texts() {
		if extension == postern.FoldCase(refused) {
			return true
		}
	}
	return false
}

//go:wasmexport on_message
func onMessage() int32 {
	decision := new(postern.Decision)
	replaced := math.MaxInt
	for _, part := range postern.Parts() {
		// What is inside a part that goes, goes with it.
		if part.Depth() > replaced {
			continue
		}
		replaced = math.MaxInt
		name := part.Name()
		if name == "" || !refuses(name) {
			continue
		}
		part.Replace("text/plain; charset=utf-8", "The attachment "+postern.Quote(name)+" was removed.\r\n")
		replaced = part.Depth()
		decision.Tag("attachment", name).Reason("removed " + name).Score(2.5)
	}
	return postern.Decide(decision)
}

func main() {}
