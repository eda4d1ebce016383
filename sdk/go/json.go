package postern

import "strconv"

// JSONKind says what a Json is.
type JSONKind int

const (
	JSONMissing JSONKind = iota
	JSONNull
	JSONBool
	JSONNumber
	JSONText
	JSONList
	JSONObject
)

// Json is a value whose shape is not known beforehand: settings, facts, part facts.
//
// Reading it never fails: what is missing or of another kind gives the fallback, so a chain such as
// json.Get("client").Get("helo").Get("name").Text() is safe. Of two members with one name the last counts.
type Json struct {
	Kind JSONKind
	// The text of a string, or a number or literal as written.
	Raw   string
	names []string
	items []*Json
}

var missing = &Json{}

func (json *Json) IsMissing() bool { return json.Kind == JSONMissing }
func (json *Json) IsText() bool    { return json.Kind == JSONText }
func (json *Json) IsList() bool    { return json.Kind == JSONList }
func (json *Json) IsObject() bool  { return json.Kind == JSONObject }

// Length counts items of a list or members of an object; 0 for anything else.
func (json *Json) Length() int { return len(json.items) }

// Get gives the member of that name.
func (json *Json) Get(name string) *Json {
	for i := len(json.names) - 1; i >= 0; i-- {
		if json.names[i] == name {
			return json.items[i]
		}
	}
	return missing
}

// At gives the item of a list, or the value of an object's member, in the order written.
func (json *Json) At(index int) *Json {
	if index < 0 || index >= len(json.items) {
		return missing
	}
	return json.items[index]
}

// NameAt gives the name of an object's member, in the order written.
func (json *Json) NameAt(index int) string {
	if index < 0 || index >= len(json.names) {
		return ""
	}
	return json.names[index]
}

// Text is empty for anything but a text.
func (json *Json) Text() string { return json.TextOr("") }

func (json *Json) TextOr(fallback string) string {
	if json.Kind != JSONText {
		return fallback
	}
	return json.Raw
}

func (json *Json) Bool(fallback bool) bool {
	if json.Kind != JSONBool {
		return fallback
	}
	return json.Raw == "true"
}

func (json *Json) Number(fallback float64) float64 {
	if json.Kind != JSONNumber {
		return fallback
	}
	number, err := strconv.ParseFloat(json.Raw, 64)
	if err != nil {
		return fallback
	}
	return number
}

// Integer gives a whole number within 32 bits; the fallback for any other.
func (json *Json) Integer(fallback int) int {
	if json.Kind != JSONNumber {
		return fallback
	}
	number, err := strconv.ParseInt(json.Raw, 10, 32)
	if err != nil {
		return fallback
	}
	return int(number)
}

// Texts gives the texts of a list; a single text counts as a list of one.
func (json *Json) Texts() []string {
	if json.Kind == JSONText {
		return []string{json.Raw}
	}
	var found []string
	if json.Kind != JSONList {
		return found
	}
	for _, item := range json.items {
		if item.Kind == JSONText {
			found = append(found, item.Raw)
		}
	}
	return found
}
