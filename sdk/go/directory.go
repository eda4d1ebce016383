package postern

// Directory looks keys up in the tables that the operator grants (capability directory): CSV, SQLite, LDAP. That there is no answer
// does not end the call: what a filter does then is its own decision. If the call fails after UNAVAILABLE, the operator's rule for
// outages applies.
var Directory tables

type tables struct{}

// DirectoryAnswer is the rows of a table for a key, or why there are none.
type DirectoryAnswer struct {
	// INVALID, DENIED, LIMIT or UNAVAILABLE if there is no answer, else empty.
	Error string
	// A list of maps from a column or attribute to a list of its values.
	Rows *Json
}

func (answer DirectoryAnswer) IsFound() bool { return answer.Rows.Length() > 0 }

// Values are those of a column or attribute, those of all rows in one.
func (answer DirectoryAnswer) Values(name string) []string {
	var all []string
	for _, row := range answer.Rows.items {
		all = append(all, row.Get(name).Texts()...)
	}
	return all
}

// Value is the first of them; empty if there is none.
func (answer DirectoryAnswer) Value(name string) string {
	all := answer.Values(name)
	if len(all) == 0 {
		return ""
	}
	return all[0]
}

// IsGranted says whether the operator grants it; without that Find answers DENIED. For what the manifest has as optional.
func (tables) IsGranted() bool { return isGranted("directory") }

// Find takes a table by its name in the config, and a key: an address in its normal form, say.
func (tables) Find(table string, key string) DirectoryAnswer {
	fields := (&JsonObject{}).Text("table", table).Text("key", key)
	size := ask(func(octets []byte) int32 { return askDirectory(octetsPointer(octets)) }, fields, nil)
	if size < 0 {
		return DirectoryAnswer{Error: nameOf(size), Rows: missing}
	}
	return DirectoryAnswer{Rows: readAnswer(int(size)).fields.Get("rows")}
}
