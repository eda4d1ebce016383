package postern

import (
	"strings"
	"unicode/utf8"
)

// What is not UTF-8 becomes U+FFFD, one for as much of a character as there is, as the Encoding Standard has it.
// (strings.ToValidUTF8 makes one of a whole run, a loop over the string one of each octet.)
func decode(octets []byte) string {
	if utf8.Valid(octets) {
		return string(octets)
	}
	var text strings.Builder
	for len(octets) > 0 {
		character, size := utf8.DecodeRune(octets)
		if character == utf8.RuneError && size == 1 {
			size = begun(octets)
		}
		text.WriteRune(character)
		octets = octets[size:]
	}
	return text.String()
}

// How many octets at the start belong to one character that is not complete; 1 where none has begun.
func begun(octets []byte) int {
	first := octets[0]
	more, low, high := 0, byte(0x80), byte(0xbf)
	switch {
	case first >= 0xc2 && first < 0xe0:
		more = 1
	case first >= 0xe0 && first < 0xf0:
		more = 2
	case first >= 0xf0 && first < 0xf5:
		more = 3
	}
	// The second octet's range is what keeps overlong forms, surrogates and points past U+10FFFF out.
	switch first {
	case 0xe0:
		low = 0xa0
	case 0xed:
		high = 0x9f
	case 0xf0:
		low = 0x90
	case 0xf4:
		high = 0x8f
	}
	size := 1
	for size <= more && size < len(octets) && octets[size] >= low && octets[size] <= high {
		size++
		low, high = 0x80, 0xbf
	}
	return size
}

// The first `limit` characters. One past U+FFFF counts twice, as the host counts; half of one becomes U+FFFD.
func cut(text string, limit int) string {
	var head strings.Builder
	units := 0
	for _, character := range text {
		if units >= limit {
			break
		}
		units += unitsOf(character)
		if units > limit {
			character = utf8.RuneError
		}
		head.WriteRune(character)
	}
	return head.String()
}

// The same on one line: control characters become spaces.
func line(text string, limit int) string {
	return strings.Map(func(character rune) rune {
		if isControl(character) {
			return ' '
		}
		return character
	}, cut(text, limit))
}

// Characters as the host counts them.
func length(text string) int {
	units := 0
	for _, character := range text {
		units += unitsOf(character)
	}
	return units
}

func unitsOf(character rune) int {
	if character > 0xffff {
		return 2
	}
	return 1
}

func isControl(character rune) bool {
	return character < 0x20 || character == 0x7f
}
