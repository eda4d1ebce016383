// Everything that the SDK of Go offers, for probe.test.ts.
package main

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	postern "postern-plugin"
)

//go:wasmexport configure
func configure() int32 {
	check := postern.CheckSettings("task", "json", "score", "mode", "modes", "count", "flag", "list", "members", "lines", "words",
		"times")
	check.Get("mode").OneOf("a", "b")
	check.Get("modes").AnyOf("a", "b")
	check.Get("count").Integer(-5, 10)
	check.Get("flag").Bool()
	item := check.Get("list").List().At(0).Object("x")
	item.Get("x").Text(3)
	item.At(0).Text(2)
	check.Get("members").Members()
	check.Get("lines").Lines(5)
	return postern.Configured(check.Problem())
}

func dump(json *postern.Json) string {
	switch json.Kind {
	case postern.JSONMissing:
		return "-"
	case postern.JSONText:
		return postern.Quote(json.Text())
	case postern.JSONBool:
		if json.Bool(false) {
			return "yes"
		}
		return "no"
	case postern.JSONNumber:
		return json.Raw + "=" + strconv.Itoa(json.Integer(-1))
	case postern.JSONNull:
		return "null"
	}
	all := ""
	for i := 0; i < json.Length(); i++ {
		if json.IsObject() {
			all += postern.Quote(json.NameAt(i)) + ":"
		}
		all += dump(json.At(i)) + ";"
	}
	if json.IsList() {
		return "[" + all + "]"
	}
	return "{" + all + "}"
}

//go:wasmexport on_connect
func onConnect() int32 {
	json := postern.ParseJSON([]byte(postern.Settings().Get("json").Text()))
	if json == nil {
		postern.Log.Info("no JSON")
	} else {
		postern.Log.Info(dump(json) + json.Get("a").Get("b").TextOr("?"))
	}
	postern.Log.Warn(dump(postern.Settings()))
	return postern.Decide(new(postern.Decision).Score(postern.Settings().Get("score").Number(0)))
}

//go:wasmexport on_helo
func onHelo() int32 {
	before := postern.State.GetText("long")
	none := " none"
	if _, found := postern.State.Get("none"); found {
		none = ""
	}
	postern.Log.Info(strconv.Itoa(utf8.RuneCountInString(before)) + none)
	after := ""
	if before == "" {
		after = strings.Repeat("ü", 400)
	}
	postern.State.SetText("long", after)
	return postern.Decide(new(postern.Decision).Final())
}

//go:wasmexport on_mail
func onMail() int32 {
	now := postern.Facts()
	one := now.Recipients()[0]
	postern.Log.Info(strings.Join([]string{now.Stage(), now.Session(), now.Transaction(), now.Service(), now.Listener(),
		now.Protocol(), now.ClientAddress(), strconv.Itoa(now.ClientPort()), now.HeloVerb(), now.Helo(),
		strconv.FormatBool(now.HasTls()), now.TlsVersion(), now.TlsCipher(), now.User(),
		strconv.FormatBool(now.HasSender()), now.Sender(), now.SenderParam("SIZE"), one.Address(), one.Original(),
		one.Param("NOTIFY"), now.Recipients()[1].Original(), now.Recipient(), now.Tag("spam"),
		strconv.Itoa(now.MessageSize()), postern.DomainOf(one.Address()), postern.LocalPartOf(one.Address())}, "|"))
	return postern.Decide(new(postern.Decision).Score(now.Score()))
}

//go:wasmexport on_rcpt
func onRcpt() int32 {
	return postern.Decide(new(postern.Decision).Bounce().Rewrite(postern.Facts().Recipient() + "x").Disconnect())
}

//go:wasmexport on_data
func onData() int32 {
	decision := new(postern.Decision).Sender("").AddRecipient("c@example.com").AddRecipient("d@example.com")
	decision.NextHop("a").Folder("b").Discard()
	ann := decision.Recipient("ann@example.com").Tempfail(451, "", "later\r\n250 OK")
	ann.Folder("f").NextHop("n").Replace("x@y", "z@y")
	decision.Recipient("eve@example.com").Reject(550, "5.7.1", "\"no\"\\").Replace()
	decision.Recipient("bob@example.com").Quarantine()
	decision.Recipient("kim@example.com").Discard()
	decision.Recipient("sue@example.com").Bounce()
	decision.Reason("x\n\"\\" + strings.Repeat("y", 500))
	decision.Tag("k\x00", strings.Repeat("v", 600)).Tag("z", "w")
	return postern.Decide(decision)
}

//go:wasmexport on_message
func onMessage() int32 {
	switch postern.Settings().Get("task").Text() {
	case "name":
		postern.Message.HeaderInsert(0, "X A", "b")
	case "value":
		postern.Message.HeaderAdd("X-A", "b\r\nX-B: c")
	case "index":
		postern.Message.HeaderRemove(99)
	case "change":
		postern.Message.HeaderChange(99, "x")
	case "bare":
		postern.Message.Splice(0, 0, []byte("\n"))
	case "part":
		postern.PartAt(99)
	case "part-read":
		postern.Part{Index: 99}.Read(0, make([]byte, 1))
	case "says":
		search()
	case "state":
		postern.State.Set("large", make([]byte, 70000))
	case "edit":
		return edit()
	}
	return postern.Decide(new(postern.Decision).Quarantine())
}

// What each part says of the words; of the first one it is asked many times.
func search() {
	words := postern.Settings().Get("words").Texts()
	for _, part := range postern.Parts() {
		for range postern.Settings().Get("times").Integer(0) {
			part.Says(words[0])
		}
		said := ""
		for _, word := range words {
			if part.Says(word) {
				said += "y"
			} else {
				said += "n"
			}
		}
		postern.Log.Info(said)
	}
}

func edit() int32 {
	message := postern.Message
	whole := make([]byte, 1000)
	size := message.Read(0, whole)
	postern.Log.Info(fmt.Sprint(message.Size(), " ", size, " ", message.Read(5000, whole), " ", message.HeaderCount(), " ",
		message.HeaderName(0), " ", message.HeaderValue(0), " ", message.HeaderFind("received", 1), " ",
		message.HeaderFind("nope", 0)))
	for _, part := range postern.Parts() {
		body := make([]byte, 100)
		decoded := part.Read(2, body)
		postern.Log.Debug(fmt.Sprintf("%d|%d|%d|%s|%s|%s|%s|%s|%d|%d|%d|%s", part.Index, part.Parent(), part.Depth(),
			part.Type(), part.Charset(), part.Name(), part.Disposition(), part.Encoding(), part.Offset(),
			part.HeaderSize(), part.Size(), strings.ToValidUTF8(string(body[:decoded]), "\ufffd")))
	}
	message.HeaderInsert(0, "X-First", "first")
	message.HeaderChange(0, "changed")
	message.HeaderRemove(message.HeaderFind("Received", 1))
	message.Splice(message.Size(), 0, []byte("end\r\n"))
	postern.Log.Error("done")
	return postern.Decide(new(postern.Decision).Tempfail(450, "4.2.0", "edited").Score(-0.125))
}

//go:wasmexport on_report
func onReport() int32 {
	for _, one := range postern.Facts().Outcomes() {
		postern.Log.Info(one.Recipient() + "|" + one.Disposition() + "|" + one.Reply())
	}
	parts := postern.Facts().MessageParts()
	for _, part := range parts {
		numbers := fmt.Sprintf("%d|%d", part.Depth(), part.Size())
		postern.Log.Info(strings.Join([]string{part.Type(), part.Name(), part.Disposition(), part.Encoding(), numbers}, "|"))
	}
	postern.Log.Info(fmt.Sprintf("%d of %d", len(parts), postern.Facts().MessagePartCount()))
	return postern.Decide(new(postern.Decision))
}

func main() {}
