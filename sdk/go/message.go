package postern

import "unsafe"

// Message is read by range where the host keeps it, and takes the edits that are proposed for it. Stage message only.
//
// Offsets and indexes are those of the message as it was when the call began, however many edits were proposed. Edits
// are applied all together when the call succeeds; edits that overlap make it a failure.
var Message message

type message struct{}

// Size is in octets.
func (message) Size() int { return must(messageSize(), "tell the size of the message", "") }

// Read fills buffer from offset; gives the octets copied, fewer at the end, 0 past it.
func (message) Read(offset int, buffer []byte) int {
	ptr, size := octetsPointer(buffer)
	return must(messageRead(uint32(offset), ptr, size), "read the message", "")
}

func (message) HeaderCount() int { return must(headerCount(), "count the header fields", "") }

// HeaderFind gives the index of the nth (from 0) field of that name, case ignored; -1 if there is none.
func (message) HeaderFind(name string, nth int) int {
	ptr, size := textPointer(name)
	index := headerFind(ptr, size, uint32(nth))
	if index == notFound {
		return -1
	}
	return must(index, "find the header ", name)
}

func (message) HeaderName(index int) string {
	return decode(copied(128, "read a header name", func(ptr unsafe.Pointer, room uint32) int32 {
		return headerName(uint32(index), ptr, room)
	}))
}

// HeaderValue is unfolded; encoded words (RFC 2047) are as they are.
func (message) HeaderValue(index int) string {
	return decode(copied(512, "read a header value", func(ptr unsafe.Pointer, room uint32) int32 {
		return headerValue(uint32(index), ptr, room)
	}))
}

// Header gives the value of the first field of that name, and whether there is one.
func (message message) Header(name string) (string, bool) {
	index := message.HeaderFind(name, 0)
	if index < 0 {
		return "", false
	}
	return message.HeaderValue(index), true
}

// HeaderAdd adds a field after the last.
func (message) HeaderAdd(name string, value string) {
	namePtr, nameSize := textPointer(name)
	ptr, size := textPointer(value)
	must(headerAdd(namePtr, nameSize, ptr, size), "add the header ", name)
}

// HeaderInsert adds a field before field index; 0 puts it at the top.
func (message) HeaderInsert(index int, name string, value string) {
	namePtr, nameSize := textPointer(name)
	ptr, size := textPointer(value)
	must(headerInsert(uint32(index), namePtr, nameSize, ptr, size), "insert the header ", name)
}

func (message) HeaderChange(index int, value string) {
	ptr, size := textPointer(value)
	must(headerChange(uint32(index), ptr, size), "change a header", "")
}

func (message) HeaderRemove(index int) { must(headerRemove(uint32(index)), "remove a header", "") }

// Splice replaces remove octets at offset. Lines end in CRLF; a bare CR or LF is refused.
func (message) Splice(offset int, remove int, octets []byte) {
	ptr, size := octetsPointer(octets)
	must(splice(uint32(offset), uint32(remove), ptr, size), "change the message", "")
}

// What call copies into a buffer of that room and gives the length of, or into a larger one if it does not fit.
func copied(room int, what string, call func(ptr unsafe.Pointer, room uint32) int32) []byte {
	octets := make([]byte, room)
	size := must(call(octetsPointer(octets)), what, "")
	if size > room {
		octets = make([]byte, size)
		call(octetsPointer(octets))
	}
	return octets[:size]
}
