package postern

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

const depthLimit = 64

// ParseJSON reads RFC 8259 strictly: nil for anything that is not exactly one JSON text, or that nests deeper than 64.
// (encoding/json would add 400 KB and its reflection to every filter.)
func ParseJSON(octets []byte) *Json {
	reader := &reader{octets: octets}
	value := reader.value(0)
	if value == nil {
		return nil
	}
	reader.skipSpace()
	if reader.at != len(octets) {
		return nil
	}
	return value
}

type reader struct {
	octets []byte
	at     int
}

// The octet at the cursor, 0 at the end: no JSON text has one outside a string, and in a string none may stand.
func (reader *reader) peek() byte {
	if reader.at >= len(reader.octets) {
		return 0
	}
	return reader.octets[reader.at]
}

func (reader *reader) take(octet byte) bool {
	if reader.peek() != octet {
		return false
	}
	reader.at++
	return true
}

func (reader *reader) skipSpace() {
	for reader.take(' ') || reader.take('\n') || reader.take('\r') || reader.take('\t') {
	}
}

func (reader *reader) value(depth int) *Json {
	if depth > depthLimit {
		return nil
	}
	reader.skipSpace()
	start := reader.at
	json := &Json{}
	switch next := reader.peek(); {
	case next == '{':
		json.Kind = JSONObject
		return reader.items(json, '}', depth)
	case next == '[':
		json.Kind = JSONList
		return reader.items(json, ']', depth)
	case next == '"':
		json.Kind = JSONText
		text, good := reader.text()
		if !good {
			return nil
		}
		json.Raw = text
		return json
	case next == '-' || next >= '0' && next <= '9':
		json.Kind = JSONNumber
		if !reader.number() {
			return nil
		}
	case reader.word("true") || reader.word("false"):
		json.Kind = JSONBool
	case reader.word("null"):
		json.Kind = JSONNull
	default:
		return nil
	}
	json.Raw = string(reader.octets[start:reader.at])
	return json
}

// The items of a list or the members of an object, up to its end.
func (reader *reader) items(json *Json, end byte, depth int) *Json {
	reader.at++
	reader.skipSpace()
	if reader.take(end) {
		return json
	}
	for {
		if json.Kind == JSONObject {
			reader.skipSpace()
			if reader.peek() != '"' {
				return nil
			}
			name, good := reader.text()
			if !good {
				return nil
			}
			reader.skipSpace()
			if !reader.take(':') {
				return nil
			}
			json.names = append(json.names, name)
		}
		item := reader.value(depth + 1)
		if item == nil {
			return nil
		}
		json.items = append(json.items, item)
		reader.skipSpace()
		if reader.take(end) {
			return json
		}
		if !reader.take(',') {
			return nil
		}
	}
}

func (reader *reader) word(word string) bool {
	if len(reader.octets)-reader.at < len(word) || string(reader.octets[reader.at:reader.at+len(word)]) != word {
		return false
	}
	reader.at += len(word)
	return true
}

func (reader *reader) number() bool {
	reader.take('-')
	if !reader.take('0') && !reader.digits() {
		return false
	}
	if reader.take('.') && !reader.digits() {
		return false
	}
	if !reader.take('e') && !reader.take('E') {
		return true
	}
	if !reader.take('+') {
		reader.take('-')
	}
	return reader.digits()
}

func (reader *reader) digits() bool {
	start := reader.at
	for reader.peek() >= '0' && reader.peek() <= '9' {
		reader.at++
	}
	return reader.at > start
}

// A string with its quotes, its escapes undone.
func (reader *reader) text() (string, bool) {
	reader.at++
	var plain []byte
	for {
		start := reader.at
		for next := reader.peek(); next >= 0x20 && next != '"' && next != '\\'; next = reader.peek() {
			reader.at++
		}
		plain = append(plain, reader.octets[start:reader.at]...)
		if reader.take('"') {
			return decode(plain), true
		}
		if !reader.take('\\') {
			return "", false // the end, or a control character
		}
		character, good := reader.escaped()
		if !good {
			return "", false
		}
		plain = utf8.AppendRune(plain, character)
	}
}

// What is after a backslash.
func (reader *reader) escaped() (rune, bool) {
	letter := reader.peek()
	reader.at++
	switch letter {
	case '"', '\\', '/':
		return rune(letter), true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 'u':
		first, good := reader.hex4()
		if !good || !utf16.IsSurrogate(first) {
			return first, good
		}
		before := reader.at
		if reader.word("\\u") {
			second, good := reader.hex4()
			if !good {
				return 0, false
			}
			if pair := utf16.DecodeRune(first, second); pair != utf8.RuneError {
				return pair, true
			}
			reader.at = before
		}
		return utf8.RuneError, true // half of a surrogate pair is no character
	}
	return 0, false
}

func (reader *reader) hex4() (rune, bool) {
	if reader.at+4 > len(reader.octets) {
		return 0, false
	}
	value, err := strconv.ParseUint(string(reader.octets[reader.at:reader.at+4]), 16, 16)
	reader.at += 4
	return rune(value), err == nil
}
