// What the SDK of Go offers of capabilities, for capability.test.ts.
package main

import (
	"strconv"
	"strings"

	postern "postern-plugin"
)

func yes(value bool) string {
	if value {
		return "yes"
	}
	return "no"
}

func expiry(key string) string {
	found, there := postern.Kv.Entry(key)
	if !there {
		return "none"
	}
	return strconv.FormatInt(found.Expires, 10)
}

func revision(key string) int64 {
	found, _ := postern.Kv.Entry(key)
	return found.Revision
}

func countIfGranted() int32 {
	count := "none"
	if postern.Kv.IsGranted() {
		count = strconv.FormatInt(postern.Kv.Increment("n", 1, 0), 10)
	}
	var decision postern.Decision
	decision.Tag("count", count)
	decision.Tag("others", yes(postern.Clock.IsGranted())+yes(postern.Http.IsGranted()))
	return postern.Decide(&decision)
}

func entryOf(key string) string {
	found, there, err := postern.Kv.TryEntry(key)
	if err != nil {
		return "trouble"
	}
	if !there {
		return "none"
	}
	return string(found.Value) + " " + strconv.FormatInt(found.Expires, 10)
}

func put(key string, value string) string {
	if err := postern.Kv.TryPut(key, []byte(value), 60); err != nil {
		return "trouble"
	}
	return "yes"
}

func replaced(key string, value string, revision int64) string {
	stored, err := postern.Kv.TryReplace(key, []byte(value), revision, 60)
	if err != nil {
		return "trouble"
	}
	return yes(stored)
}

func incremented(key string, by int64) string {
	sum, err := postern.Kv.TryIncrement(key, by, 60)
	if err != nil {
		return "trouble"
	}
	return strconv.FormatInt(sum, 10)
}

func attempt() int32 {
	long := postern.Settings().Get("long").Text()
	seen := []string{entryOf("k"), replaced("k", "one", 0), replaced("k", "two", 0), replaced("k", "two", revision("k"))}
	seen = append(seen, entryOf("k"), incremented("m", 7), incremented("m", -9))
	postern.Log.Info(strings.Join(seen, "|"))
	postern.Log.Info(strings.Join([]string{put("p", "x"), put("long", long), replaced("long", long, 0), incremented(long, 1), entryOf("long")}, "|"))
	if postern.Settings().Get("name").Bool(false) {
		incremented("k", 1)
	}
	return postern.Decide(new(postern.Decision))
}

//go:wasmexport on_rcpt
func onRcpt() int32 {
	url := postern.Settings().Get("url").Text()
	switch postern.Settings().Get("task").Text() {
	case "count":
		return countIfGranted()
	case "try":
		return attempt()
	case "key":
		postern.Kv.PutText("", "x", 0)
	case "quota":
		postern.Kv.PutText("long", postern.Settings().Get("long").Text(), 0)
	case "outage":
		nothing := postern.Http.Request("GET", postern.Settings().Get("down").Text(), nil, nil)
		postern.Fail("no answer: " + nothing.Error)
	}
	seen := []string{yes(postern.Clock.Now() > 1700000000000)}
	seen = append(seen, postern.Kv.GetText("none"))
	postern.Kv.PutText("a", "ä\n\"", 0)
	seen = append(seen, postern.Kv.GetText("a"))
	seen = append(seen, expiry("a"))
	seen = append(seen, yes(postern.Kv.Replace("a", []byte("b"), 0, 0)))
	seen = append(seen, yes(postern.Kv.Replace("a", nil, revision("a"), 60)))
	seen = append(seen, postern.Kv.GetText("a"))
	seen = append(seen, expiry("a"))
	seen = append(seen, strconv.FormatInt(postern.Kv.Increment("n", 9007199254740000, 0), 10))
	seen = append(seen, strconv.FormatInt(postern.Kv.Increment("n", -9007199254740007, 0), 10))
	seen = append(seen, yes(postern.Kv.Remove("a")))
	seen = append(seen, yes(postern.Kv.Remove("a")))
	headers := (&postern.JsonObject{}).Text("X-Test", "one")
	answer := postern.Http.Request("POST", url+"/echo", headers, []byte("two\nthree"))
	seen = append(seen, strconv.Itoa(answer.Status))
	seen = append(seen, answer.Header("x-answer"))
	seen = append(seen, answer.Text())
	denied := postern.Http.Request("GET", "http://127.0.0.2/", nil, nil)
	seen = append(seen, strconv.Itoa(denied.Status))
	seen = append(seen, denied.Error)
	postern.Log.Info(strings.Join(seen, "|"))
	var decision postern.Decision
	decision.Tag("answer", answer.Text())
	return postern.Decide(&decision)
}

func main() {}
