package postern

import (
	"bytes"
	"strings"
)

// Octets of an answer that are in the plugin's memory at a time.
const securePiece = 64 * 1024

// Secure is for signing, encrypting and opening messages with keys that the operator grants (capability key): Secure("smime") or
// Secure("openpgp"). Stage message only. That it is not done does not end the call: what a filter does then is its own decision.
type Secure string

// SecureLayer is what one wrapping of a message was.
type SecureLayer struct {
	// encrypted, signed
	Kind string
	// opened or failed of what was encrypted, good, untrusted or bad of what was signed.
	Result string
	// Why it is not good.
	Reason string
}

// SecureAnswer is what the host made of the message: content that can take the place of the message's.
type SecureAnswer struct {
	// INVALID, DENIED, LIMIT or UNAVAILABLE; empty if it was done.
	Error string
	Json  *Json
	// Where the content begins in the answer, and where that ends.
	start int
	end   int
}

// IsGranted says whether the operator grants keys.
func (Secure) IsGranted() bool { return isGranted("key") }

// IsTooLarge says whether the message has more octets than the host signs, encrypts or opens (sdk/ABI.md).
func (Secure) IsTooLarge() bool { return Message.Size() > 50*1024*1024 }

// Find tells which recipients of the envelope, in their normal form, can be encrypted to (recipients), and whether its sender's mail
// can be signed (signs).
func (format Secure) Find() SecureAnswer { return askSecure(format.request("find")) }

// Protect gives the message signed, and encrypted for these recipients, if there are any. The cipher is for S/MIME: aes-256-cbc,
// aes-256-gcm; empty for the first.
func (format Secure) Protect(sign bool, encrypt []string, cipher string) SecureAnswer {
	list := &JsonList{}
	for _, recipient := range encrypt {
		list.Text(recipient)
	}
	if cipher == "" {
		cipher = "aes-256-cbc"
	}
	request := format.request("protect").Bool("sign", sign).Json("encrypt", list.String())
	return askSecure(request.Text("cipher", cipher))
}

// Open gives the message decrypted, and its signatures verified.
func (format Secure) Open() SecureAnswer { return askSecure(format.request("open")) }

func (format Secure) request(op string) *JsonObject {
	return (&JsonObject{}).Text("op", string(format)+"-"+op)
}

// HasContent says whether there is content.
func (answer SecureAnswer) HasContent() bool { return answer.end > answer.start }

// Layers are told from the outside in.
func (answer SecureAnswer) Layers() []SecureLayer {
	var layers []SecureLayer
	for _, layer := range answer.Json.Get("layers").items {
		layers = append(layers, SecureLayer{layer.Get("kind").Text(), layer.Get("result").Text(), layer.Get("reason").Text()})
	}
	return layers
}

// Apply puts the content in the place of the message's: its Content fields and its body. Ask nothing else of the host before: the
// answer would be gone.
func (answer SecureAnswer) Apply() {
	piece := make([]byte, securePiece)
	ptr, room := octetsPointer(piece)
	if !answer.HasContent() {
		Fail("Cannot put the content in its place: there is none")
	}
	if answerRead(uint32(answer.end-1), ptr, 2) != 1 {
		Fail("Cannot put the content in its place: the host was asked something else since")
	}
	for i := range Message.HeaderCount() {
		name := FoldCase(Message.HeaderName(i))
		if strings.HasPrefix(name, "content-") || name == "mime-version" {
			Message.HeaderRemove(i)
		}
	}
	whole := PartAt(0)
	end := whole.Offset() + whole.HeaderSize()
	from := endOfFields(end)
	// In the place of the empty line: fields that are added go before it, whenever that is proposed.
	Message.Splice(from, end-from, []byte("MIME-Version: 1.0\r\n"))
	for at := answer.start; at < answer.end; {
		length := int(answerRead(uint32(at), ptr, room))
		// Never half a line end.
		if piece[length-1] == '\r' && at+length < answer.end {
			length--
		}
		Message.Splice(end, 0, piece[:length])
		at += length
	}
	Message.Splice(end, Message.Size()-end, nil)
}

// Before the empty line that ends the header, if there is one.
func endOfFields(end int) int {
	if end < 2 {
		return end
	}
	last := make([]byte, min(end, 4))
	Message.Read(end-len(last), last)
	if tail := string(last); tail == "\r\n" || tail == "\r\n\r\n" {
		return end - 2
	}
	return end
}

func askSecure(request *JsonObject) SecureAnswer {
	size := ask(func(octets []byte) int32 { return askKey(octetsPointer(octets)) }, request, nil)
	if size < 0 {
		return SecureAnswer{Error: nameOf(size), Json: missing}
	}
	head := make([]byte, min(int(size), securePiece))
	ptr, room := octetsPointer(head)
	answerRead(0, ptr, room)
	line, _, _ := bytes.Cut(head, []byte{'\n'})
	json := ParseJSON(line)
	if json == nil {
		Fail("Cannot read an answer of the host: it is no JSON")
	}
	return SecureAnswer{Json: json, start: min(len(line)+1, int(size)), end: int(size)}
}
