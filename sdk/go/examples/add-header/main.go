// Adds a header field whose name and value are the operator's, and says in a tag what the mail is about.
package main

import postern "postern-plugin"

//go:wasmexport configure
func configure() int32 {
	check := postern.CheckSettings("name", "value")
	check.Get("name").Text(60)
	check.Get("value").Text(500)
	return postern.Configured(check.Problem())
}

//go:wasmexport on_message
func onMessage() int32 {
	decision := new(postern.Decision)
	name := postern.Settings().Get("name").TextOr("X-Scanned-By")
	postern.Message.HeaderAdd(name, postern.Settings().Get("value").TextOr("Postern"))
	if subject, found := postern.Message.Header("Subject"); found {
		decision.Tag("subject", subject)
	}
	return postern.Decide(decision)
}

func main() {}
