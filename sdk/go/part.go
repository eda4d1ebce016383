package postern

import (
	"bytes"
	"unsafe"
)

// Part is a MIME part of the message; part 0 is the message itself. Stage message only.
type Part struct {
	Index int
	// All the part's facts, for what has no accessor here.
	Json *Json
}

// PartAt gives the part of that index.
func PartAt(index int) Part {
	json := ParseJSON(copied(1024, "read the facts of a part", func(ptr unsafe.Pointer, room uint32) int32 {
		return partInfo(uint32(index), ptr, room)
	}))
	if json == nil {
		Fail("Cannot read the facts of a part: not JSON")
	}
	return Part{index, json}
}

// Parts gives all parts in document order.
func Parts() []Part {
	parts := make([]Part, must(partCount(), "count the parts", ""))
	for i := range parts {
		parts[i] = PartAt(i)
	}
	return parts
}

// Parent is the index of the part that this one is in; -1 for part 0.
func (part Part) Parent() int {
	if part.Index == 0 {
		return -1
	}
	return part.Json.Get("parent").Integer(-1)
}

func (part Part) Depth() int { return part.Json.Get("depth").Integer(0) }

// Type is application/pdf, in lower case.
func (part Part) Type() string    { return part.Json.Get("type").Text() }
func (part Part) Charset() string { return part.Json.Get("charset").Text() }

// Name is the file name, decoded; empty if it has none. The sender chose it: it may hold any character.
func (part Part) Name() string { return part.Json.Get("name").Text() }

// Names is every name that some reader may take for the file name, Name first: judge them all.
func (part Part) Names() []string {
	list := part.Json.Get("names")
	names := make([]string, list.Length())
	for i := range names {
		names[i] = list.At(i).Text()
	}
	return names
}

// Complete says, of part 0, that the message is taken apart to the end, within the host's bounds.
func (part Part) Complete() bool { return part.Json.Get("complete").IsMissing() }

// Ambiguous says that readers may disagree about its type, its encoding, its boundary or its names.
func (part Part) Ambiguous() bool { return !part.Json.Get("ambiguous").IsMissing() }

// Disposition is attachment, inline or empty.
func (part Part) Disposition() string { return part.Json.Get("disposition").Text() }

// Encoding is the Content-Transfer-Encoding.
func (part Part) Encoding() string { return part.Json.Get("encoding").Text() }

// Offset is where the part's header begins in the message.
func (part Part) Offset() int { return part.Json.Get("offset").Integer(0) }

// HeaderSize is the octets of its header with the empty line.
func (part Part) HeaderSize() int { return part.Json.Get("headerSize").Integer(0) }

// Size is the octets of its body as encoded.
func (part Part) Size() int { return part.Json.Get("size").Integer(0) }

// Read fills buffer from an offset of the decoded body; gives the octets copied, fewer at the end, 0 past it. Going
// from front to back costs one pass, going back starts a new one.
func (part Part) Read(offset int, buffer []byte) int {
	ptr, size := octetsPointer(buffer)
	return must(partRead(uint32(part.Index), uint32(offset), ptr, size), "read a part", "")
}

// Says tells whether its decoded body has the word, ASCII letters in either case, wherever one read ends and the next begins. No
// part says the empty word. Its octets are looked for, UTF-8 where it came from settings: text in another charset may have others.
func (part Part) Says(word string) bool {
	if word == "" {
		return false
	}
	const chunk = 4096
	wanted := []byte(FoldCase(word))
	window := make([]byte, chunk+len(wanted))
	kept, offset := 0, 0
	for {
		size := part.Read(offset, window[kept:kept+chunk])
		if size == 0 {
			return false
		}
		offset += size
		end := kept + size
		foldOctets(window[kept:end])
		if bytes.Contains(window[:end], wanted) {
			return true
		}
		// The word may straddle two reads: its length less one stays for the next.
		kept = min(len(wanted)-1, end)
		copy(window, window[end-kept:end])
	}
}

// Replace puts a part of that Content-Type (text/plain; charset=utf-8) with that text in its place.
func (part Part) Replace(contentType string, text string) {
	typePtr, typeSize := textPointer(contentType)
	ptr, size := textPointer(text)
	must(partReplace(uint32(part.Index), typePtr, typeSize, ptr, size), "replace a part", "")
}
