package postern

import (
	"slices"
	"strconv"
	"strings"
)

// Check checks settings and says what is wrong in one sentence: the key, what was found, what is allowed. The first
// problem is kept. A value that is missing passes every check but Required.
type Check struct {
	Value *Json
	Path  string
	top   bool
	// One for the settings and all that is in them.
	found *string
}

// CheckSettings is for the whole settings, which must be an object with no other keys than these.
func CheckSettings(keys ...string) *Check {
	check := &Check{Settings(), "settings", true, new(string)}
	return check.Object(keys...)
}

// Problem is empty while nothing is wrong.
func (check *Check) Problem() string { return *check.found }

func (check *Check) Get(key string) *Check {
	path := key
	if !check.top {
		path = check.Path + "." + key
	}
	return &Check{check.Value.Get(key), path, false, check.found}
}

// At is for an item of a list, or the value of an object's member.
func (check *Check) At(index int) *Check {
	place := strconv.Itoa(index)
	if check.Value.IsObject() {
		place = Quote(check.Value.NameAt(index))
	}
	return &Check{check.Value.At(index), check.Path + "[" + place + "]", false, check.found}
}

// Refuse keeps "Cannot use <key>: found <value>, <allowed>".
func (check *Check) Refuse(allowed string) *Check {
	if *check.found == "" {
		*check.found = "Cannot use " + check.Path + ": found " + describe(check.Value) + ", " + allowed
	}
	return check
}

func (check *Check) Required(allowed string) *Check {
	return check.unless(!check.Value.IsMissing(), allowed)
}

// Members is for an object, whatever its keys.
func (check *Check) Members() *Check {
	return check.unless(check.Value.IsMissing() || check.Value.IsObject(), "allowed is an object")
}

// Object is for an object with no other keys than these.
func (check *Check) Object(keys ...string) *Check {
	check.Members()
	if !check.Value.IsObject() {
		return check
	}
	allowed := "there are no settings"
	if len(keys) > 0 {
		allowed = "allowed keys are " + strings.Join(keys, ", ")
	}
	for _, name := range check.Value.names {
		if !slices.Contains(keys, name) {
			check.Get(name).Refuse(allowed)
		}
	}
	return check
}

func (check *Check) List() *Check {
	return check.unless(check.Value.IsMissing() || check.Value.IsList(), "allowed is a list")
}

// Text is for a text of 1 to limit characters, none of them a control character.
func (check *Check) Text(limit int) *Check {
	text := check.Value.Text()
	good := fits(text, limit) && !strings.ContainsFunc(text, isControl)
	allowed := "allowed is a text of 1 to " + strconv.Itoa(limit) + " characters on one line"
	return check.unless(check.Value.IsMissing() || good, allowed)
}

// Lines is for a text of 1 to limit characters that may have several lines.
func (check *Check) Lines(limit int) *Check {
	allowed := "allowed is a text of 1 to " + strconv.Itoa(limit) + " characters"
	return check.unless(check.Value.IsMissing() || fits(check.Value.Text(), limit), allowed)
}

// Texts is for a text, or a list of them.
func (check *Check) Texts(limit int) *Check {
	return check.each(func(one *Check) { one.Text(limit) })
}

// AnyOf is for one of these texts, or a list of them.
func (check *Check) AnyOf(allowed ...string) *Check {
	return check.each(func(one *Check) { one.OneOf(allowed...) })
}

func (check *Check) OneOf(allowed ...string) *Check {
	good := check.Value.IsText() && slices.Contains(allowed, check.Value.Text())
	return check.unless(check.Value.IsMissing() || good, "allowed are "+strings.Join(allowed, ", "))
}

func (check *Check) Bool() *Check {
	good := check.Value.Kind == JSONMissing || check.Value.Kind == JSONBool
	return check.unless(good, "allowed are true and false")
}

// Integer is for a whole number within the range, both ends included.
func (check *Check) Integer(from int, to int) *Check {
	number := check.Value.Integer(-1 << 31)
	allowed := "allowed is a whole number from " + strconv.Itoa(from) + " to " + strconv.Itoa(to)
	return check.unless(check.Value.IsMissing() || (number >= from && number <= to), allowed)
}

func (check *Check) unless(good bool, allowed string) *Check {
	if good {
		return check
	}
	return check.Refuse(allowed)
}

func (check *Check) each(do func(one *Check)) *Check {
	if !check.Value.IsList() {
		do(check)
		return check
	}
	for i := range check.Value.items {
		do(check.At(i))
	}
	return check
}

func fits(text string, limit int) bool { return text != "" && length(text) <= limit }

func describe(value *Json) string {
	switch value.Kind {
	case JSONMissing:
		return "nothing"
	case JSONList:
		return "a list"
	case JSONObject:
		return "an object"
	case JSONText:
		if length(value.Raw) > 60 {
			return Quote(cut(value.Raw, 60) + "…")
		}
		return Quote(value.Raw)
	default:
		return value.Raw
	}
}
