// What the SDK of Go offers of look-ups, keys, scanners, files and notices, for outside.test.ts.
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

func see(seen ...string) { postern.Log.Info(strings.Join(seen, "|")) }

func seeDns(answer postern.DnsAnswer) {
	count := strconv.Itoa(answer.Records.Length())
	see(answer.Error, answer.Result, strconv.Itoa(answer.Ttl), count, strings.Join(answer.Texts(), ","))
}

func lookUp() {
	seeDns(postern.Dns.Query("A", "example.test"))
	mx := postern.Dns.Query("MX", "Example.TEST.")
	seeDns(mx)
	see(strconv.Itoa(mx.Records.At(0).Get("priority").Integer(0)))
	seeDns(postern.Dns.Query("TXT", "example.test"))
	seeDns(postern.Dns.Query("AAAA", "example.test"))
	seeDns(postern.Dns.Query("A", "nobody.example.test"))
	seeDns(postern.Dns.Reverse("192.0.2.7"))
	seeDns(postern.Dns.Listed("192.0.2.7", "list.test"))
	seeDns(postern.Dns.Query("A", "example.org"))
	seeDns(postern.Dns.Query("A", "ä\"\\\n"))
}

func seeDirectory(answer postern.DirectoryAnswer) {
	see(
		answer.Error,
		yes(answer.IsFound()),
		strconv.Itoa(answer.Rows.Length()),
		answer.Value("store"),
		strings.Join(answer.Values("alias"), ","),
		answer.Value("none"),
		strconv.Itoa(len(answer.Values("none"))),
	)
}

func find() {
	seeDirectory(postern.Directory.Find("staff", "ann@example.com"))
	seeDirectory(postern.Directory.Find("staff", "nobody@example.com"))
	seeDirectory(postern.Directory.Find("others", "ann@example.com"))
	seeDirectory(postern.Directory.Find("staff", ""))
}

func seeResult(result postern.AuthResult) { see(result.Result, result.Reason, result.Domain) }

func authenticate() {
	results := postern.Auth.Results()
	seeResult(results.Spf)
	see(strconv.Itoa(len(results.Dkim)))
	for _, signature := range results.Dkim {
		seeResult(signature)
	}
	seeResult(results.Arc)
	seeResult(results.Dmarc)
	see(results.Policy, strings.Join(results.Sealers, ","), results.Sealed, strings.Join(results.Texts, ","))
}

func seeVerdict(verdict postern.ScanVerdict) { see(yes(verdict.IsClean), verdict.Name, verdict.Error) }

func scan() {
	for _, part := range postern.Parts() {
		seeVerdict(postern.Scan.Part(part))
	}
	seeVerdict(postern.Scan.Message())
	seeVerdict(postern.Scan.Octets([]byte(postern.Settings().Get("virus").Text())))
	seeVerdict(postern.Scan.Octets([]byte("harmless\n{}")))
	seeVerdict(postern.Scan.Octets(nil))
}

func add(signed postern.SignedFields) {
	see(signed.Error, yes(len(signed.Fields) > 0))
	postern.Message.Splice(0, 0, signed.Fields)
}

func sign() {
	add(postern.Signing.Dkim("ours", nil))
	headers := (&postern.JsonList{}).Text("From").Text("Subject")
	options := (&postern.JsonObject{}).Json("headers", headers.String()).Integer("expires", 86400)
	add(postern.Signing.Dkim("ours", options))
	add(postern.Signing.Arc("ours", "mx.example.test", []string{"spf=pass smtp.mailfrom=example.net", "dkim=none"}))
	add(postern.Signing.Arc("ours", "\"ours quoted\"", nil))
	add(postern.Signing.Dkim("theirs", nil))
}

func notify() {
	seen := []string{yes(postern.Notify.Sender("A \"virus\"", "It was ä\nvirus.\n"))}
	seen = append(seen, yes(postern.Notify.Recipients("for you", "")))
	seen = append(seen, yes(postern.Notify.Postmaster("for her", "x")))
	seen = append(seen, yes(postern.Notify.Notice("sender", "by name", "y")))
	seen = append(seen, yes(postern.Notify.Incident("warning", "virus-found", "Eicar in a.zip", nil)))
	fields := (&postern.JsonObject{}).Text("signature", "Eicar \"x\"").Text("file", "ä")
	seen = append(seen, yes(postern.Notify.Incident("critical", "worse", "more\nof it", fields)))
	see(seen...)
}

func post() {
	headers := (&postern.JsonObject{}).Text("X-Test", "one")
	answer := postern.Http.PostMessage(postern.Settings().Get("url").Text()+"/post", headers)
	see(strconv.Itoa(answer.Status), answer.Error, answer.Text())
}

func seeLink(link postern.BlobLink) {
	see(link.Error, link.Url, link.Id, strconv.FormatInt(link.Size, 10), link.Sha256, strconv.FormatInt(link.Expires, 10))
}

func keep() {
	none := postern.BlobRules{}
	part := postern.PartAt(2)
	link := postern.Blob.Part(part, "a \"b\".pdf", none)
	seeLink(link)
	clients := []string{"192.0.2.0/24", "2001:db8::1"}
	all := postern.BlobRules{Expires: 600, Downloads: 3, Password: "sésame", Clients: clients, Confirm: true}
	seeLink(postern.Blob.Octets([]byte("content\n{}"), "", "text/plain", all))
	seeLink(postern.Blob.Octets(nil, strings.Repeat("😀", 99)+"x😀", "image/svg+xml", none))
	for _, kind := range postern.Settings().Get("types").Texts() {
		seeLink(postern.Blob.Octets([]byte("x"), "x", kind, none))
	}
	seeLink(postern.Blob.Part(part, "x", postern.BlobRules{Expires: 1000000000}))
	see(yes(postern.Blob.Remove(link.Id)), yes(postern.Blob.Remove(link.Id)))
}

func seeSecure(answer postern.SecureAnswer) {
	recipients := strings.Join(answer.Json.Get("recipients").Texts(), ",")
	see(answer.Error, yes(answer.Json.Get("signs").Bool(false)), recipients, yes(answer.HasContent()))
	for _, layer := range answer.Layers() {
		see(layer.Kind, layer.Result, layer.Reason)
	}
}

func protect() {
	openpgp, smime := postern.Secure("openpgp"), postern.Secure("smime")
	found := openpgp.Find()
	seeSecure(found)
	seeSecure(smime.Find())
	seeSecure(smime.Protect(true, nil, "aes-256-gcm"))
	seeSecure(openpgp.Protect(false, []string{"\"nobody\"@example.test"}, ""))
	seeSecure(openpgp.Open())
	made := openpgp.Protect(true, found.Json.Get("recipients").Texts(), "")
	seeSecure(made)
	made.Apply()
	see(yes(openpgp.IsTooLarge()))
}

func open() postern.SecureAnswer {
	opened := postern.Secure("openpgp").Open()
	seeSecure(opened)
	return opened
}

func stale() {
	opened := open()
	postern.Secure("smime").Find()
	opened.Apply()
}

func granted() {
	see(
		yes(postern.Auth.IsGranted()),
		yes(postern.Blob.IsGranted()),
		yes(postern.Directory.IsGranted()),
		yes(postern.Dns.IsGranted()),
		yes(postern.Notify.IsGranted()),
		yes(postern.Scan.IsGranted()),
		yes(postern.Secure("smime").IsGranted()),
		yes(postern.Signing.IsGranted()),
	)
}

//go:wasmexport on_message
func onMessage() int32 {
	switch postern.Settings().Get("task").Text() {
	case "dns":
		lookUp()
	case "directory":
		find()
	case "auth":
		authenticate()
	case "scan":
		scan()
	case "sign":
		sign()
	case "notify":
		notify()
	case "post":
		post()
	case "blob":
		keep()
	case "remove":
		postern.Blob.Remove("none")
	case "protect":
		protect()
	case "open", "border":
		open().Apply()
	case "stale":
		stale()
	case "refused":
		postern.Secure("smime").Protect(true, nil, "").Apply()
	case "granted":
		granted()
	case "to":
		postern.Notify.Notice("everybody", "x", "y")
	case "event":
		postern.Notify.Incident("warning", "Not one", "x", nil)
	case "outage":
		postern.Fail("no answer: " + postern.Dns.Query("A", "silent.test").Error)
	}
	return postern.Decide(new(postern.Decision))
}

func main() {}
