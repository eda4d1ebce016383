package postern

import (
	"bytes"
	"strconv"
)

// Whether the operator grants the capability of this name.
func isGranted(name string) bool {
	for _, granted := range Facts().Json.Get("grants").items {
		if granted.Text() == name {
			return true
		}
	}
	return false
}

// What a capability is asked, a line of JSON and octets as they are after it, for a call that takes it. Gives the length of the answer.
func ask(call func(octets []byte) int32, fields *JsonObject, octets []byte) int32 {
	question := []byte(fields.String())
	if octets != nil {
		question = append(append(question, '\n'), octets...)
	}
	return call(question)
}

// A range of the message that a request names as its content.
func content(offset int, length int, encoding string) *JsonObject {
	fields := (&JsonObject{}).Integer("offset", offset).Integer("length", length)
	if encoding != "" {
		fields.Text("encoding", encoding)
	}
	return fields
}

// What a capability answered, in the same form.
type answer struct {
	fields *Json
	octets []byte
}

func readAnswer(size int) answer {
	whole := make([]byte, size)
	ptr, room := octetsPointer(whole)
	answerRead(0, ptr, room)
	line, octets, _ := bytes.Cut(whole, []byte{'\n'})
	fields := ParseJSON(line)
	if fields == nil {
		Fail("Cannot read an answer of the host: it is no JSON")
	}
	return answer{fields, octets}
}

// A whole number, 0 if there is none of that name.
func (answer answer) integer(name string) int64 {
	number, _ := strconv.ParseInt(answer.fields.Get(name).Raw, 10, 64)
	return number
}
