package postern

import "strings"

// Blob is for files that people fetch by an URL that nobody can guess, from Postern or from the operator's store, as far as it is
// granted (capability blob). That one is not put does not end the call: what a filter does then is its own decision. If the call
// fails after UNAVAILABLE, the operator's rule for outages applies. What was put is removed if the transaction comes to nothing.
var Blob files

type files struct{}

// BlobRules say who may fetch a file, how often and how long. What is zero is not limited, but by the grant.
type BlobRules struct {
	// Seconds.
	Expires   int
	Downloads int
	// With one download it is a code for once.
	Password string
	// Addresses and CIDR networks.
	Clients []string
	// A page with a button comes first, so that programs which follow links count as no download.
	Confirm bool
}

// BlobLink is a file that was put. One without an URL was not.
type BlobLink struct {
	Url string
	Id  string
	// Octets, its Content-Transfer-Encoding undone.
	Size int64
	// In hexadecimal digits.
	Sha256 string
	// In how many seconds it is gone.
	Expires int64
	// INVALID, DENIED, LIMIT (of the grant) or UNAVAILABLE if it was not put, else empty.
	Error string
}

// IsGranted says whether the operator grants it; without that nothing is put, with the error DENIED. For what the manifest has as optional.
func (files) IsGranted() bool { return isGranted("blob") }

// Part puts the body of a part, its Content-Transfer-Encoding undone. It does not pass through the plugin's memory.
func (files) Part(part Part, name string, rules BlobRules) BlobLink {
	body := content(part.Offset()+part.HeaderSize(), part.Size(), part.Encoding())
	return putBlob(blobFields(name, part.Type(), rules).Json("content", body.String()), nil)
}

// Octets takes at most 8 MiB, with what the request has besides.
func (files) Octets(octets []byte, name string, kind string, rules BlobRules) BlobLink {
	return putBlob(blobFields(name, kind, rules), given(octets))
}

// Remove tells whether there was one.
func (files) Remove(id string) bool {
	size := askFiles((&JsonObject{}).Text("op", "remove").Text("id", id), nil)
	return readAnswer(must(size, "remove the file ", id)).fields.Get("removed").Bool(false)
}

func blobFields(name string, kind string, rules BlobRules) *JsonObject {
	if name == "" {
		name = "file"
	}
	if !isPlainType(kind) {
		kind = "application/octet-stream"
	}
	fields := (&JsonObject{}).Text("op", "put").Text("name", cut(name, 200)).Text("type", kind)
	if rules.Expires > 0 {
		fields.Integer("expires", rules.Expires)
	}
	if rules.Downloads > 0 {
		fields.Integer("downloads", rules.Downloads)
	}
	access := &JsonObject{}
	if rules.Password != "" {
		access.Text("password", rules.Password)
	}
	if len(rules.Clients) > 0 {
		clients := &JsonList{}
		for _, client := range rules.Clients {
			clients.Text(client)
		}
		access.Json("clients", clients.String())
	}
	if rules.Confirm {
		access.Bool("confirm", true)
	}
	return fields.Json("access", access.String())
}

func putBlob(fields *JsonObject, octets []byte) BlobLink {
	size := askFiles(fields, octets)
	if size < 0 {
		return BlobLink{Error: nameOf(size)}
	}
	answer := readAnswer(int(size))
	return BlobLink{
		Url:     answer.fields.Get("url").Text(),
		Id:      answer.fields.Get("id").Text(),
		Size:    answer.integer("size"),
		Sha256:  answer.fields.Get("sha256").Text(),
		Expires: answer.integer("expires"),
	}
}

func askFiles(fields *JsonObject, octets []byte) int32 {
	return ask(func(octets []byte) int32 { return askBlob(octetsPointer(octets)) }, fields, octets)
}

// A sender writes what it likes; a server that is to send it as a header can't.
func isPlainType(kind string) bool {
	kind, subtype, found := strings.Cut(kind, "/")
	return found && isPlainHalf(kind) && isPlainHalf(subtype)
}

func isPlainHalf(half string) bool {
	if half == "" || len(half) > 63 {
		return false
	}
	for i := range len(half) {
		isWord := (half[i] >= 'a' && half[i] <= 'z') || (half[i] >= '0' && half[i] <= '9')
		if !isWord && (i == 0 || strings.IndexByte("!#$&^_.+-", half[i]) < 0) {
			return false
		}
	}
	return true
}
