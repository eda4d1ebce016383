package postern

import (
	"strconv"
	"strings"
)

const hex = "0123456789abcdef"

// Quote gives a JSON string of the text, quotes included (RFC 8259 section 7). What is not UTF-8 becomes U+FFFD.
func Quote(text string) string {
	var quoted strings.Builder
	quoted.WriteByte('"')
	for _, character := range text {
		switch {
		case character == '"' || character == '\\':
			quoted.WriteByte('\\')
			quoted.WriteRune(character)
		case isControl(character):
			quoted.WriteString(`\u00`)
			quoted.WriteByte(hex[character>>4])
			quoted.WriteByte(hex[character&15])
		default:
			quoted.WriteRune(character)
		}
	}
	quoted.WriteByte('"')
	return quoted.String()
}

// JsonObject composes a JSON object, member by member.
type JsonObject struct{ pieces []string }

func (object *JsonObject) Text(name string, value string) *JsonObject {
	return object.Json(name, Quote(value))
}

func (object *JsonObject) Integer(name string, value int) *JsonObject {
	return object.Json(name, strconv.Itoa(value))
}

func (object *JsonObject) Bool(name string, value bool) *JsonObject {
	return object.Json(name, strconv.FormatBool(value))
}

// Json adds a member whose value is JSON already.
func (object *JsonObject) Json(name string, value string) *JsonObject {
	object.pieces = append(object.pieces, Quote(name)+":"+value)
	return object
}

func (object *JsonObject) String() string { return "{" + strings.Join(object.pieces, ",") + "}" }

// JsonList composes a JSON list, item by item.
type JsonList struct{ pieces []string }

func (list *JsonList) Text(value string) *JsonList { return list.Json(Quote(value)) }

// Json adds an item that is JSON already.
func (list *JsonList) Json(value string) *JsonList {
	list.pieces = append(list.pieces, value)
	return list
}

func (list *JsonList) String() string { return "[" + strings.Join(list.pieces, ",") + "]" }
