package postern

import "strconv"

// Kv is for values and counters that this service keeps from one message to the next, as far as the operator grants it
// (capability kv). A change is on disk when the call returns, and atomic. Expiry is in seconds; 0: never.
var Kv keyValues

type keyValues struct{}

// KvEntry is a value with what is known of it.
type KvEntry struct {
	Value []byte
	// A number that no other value of any key ever has.
	Revision int64
	// In how many seconds it is gone; 0: never.
	Expires int64
}

// KvTrouble is why the store can't be used: LIMIT if it is full, as the grant bounds it, UNAVAILABLE if it is out of order.
type KvTrouble string

func (trouble KvTrouble) Error() string { return string(trouble) }

// IsGranted says whether the operator grants it; without that the other calls end the call. For what the manifest has as optional.
func (keyValues) IsGranted() bool { return isGranted("kv") }

// Entry gives the value with what is known of it, and whether there is one.
func (keyValues) Entry(key string) (KvEntry, bool) { return entryFrom(askEntry(key), key) }

// TryEntry gives an error where the store is full, as the grant bounds it, or out of order, as do its like; the others end the
// call there.
func (keyValues) TryEntry(key string) (KvEntry, bool, error) {
	size := askEntry(key)
	if isTrouble(size) {
		return KvEntry{}, false, KvTrouble(nameOf(size))
	}
	found, there := entryFrom(size, key)
	return found, there, nil
}

// Get gives the value, and whether there is one.
func (kv keyValues) Get(key string) ([]byte, bool) {
	found, there := kv.Entry(key)
	return found.Value, there
}

// GetText is empty if there is none.
func (kv keyValues) GetText(key string) string {
	value, _ := kv.Get(key)
	return decode(value)
}

func (keyValues) Put(key string, value []byte, expires int) {
	used(askPut(key, value, expires), key)
}

func (keyValues) TryPut(key string, value []byte, expires int) error {
	size := askPut(key, value, expires)
	if isTrouble(size) {
		return KvTrouble(nameOf(size))
	}
	used(size, key)
	return nil
}

func (kv keyValues) PutText(key string, value string, expires int) {
	kv.Put(key, []byte(value), expires)
}

// Replace puts a value in the place of the one with this revision, 0 of none; false if another is there by now.
func (keyValues) Replace(key string, value []byte, revision int64, expires int) bool {
	return isStored(askReplace(key, value, revision, expires), key)
}

func (keyValues) TryReplace(key string, value []byte, revision int64, expires int) (bool, error) {
	size := askReplace(key, value, revision, expires)
	if isTrouble(size) {
		return false, KvTrouble(nameOf(size))
	}
	return isStored(size, key), nil
}

// Increment adds to a number in decimal digits, and gives the sum. The expiry is for one that was not there before.
func (keyValues) Increment(key string, by int64, expires int) int64 {
	return sumFrom(askIncrement(key, by, expires), key)
}

func (keyValues) TryIncrement(key string, by int64, expires int) (int64, error) {
	size := askIncrement(key, by, expires)
	if isTrouble(size) {
		return 0, KvTrouble(nameOf(size))
	}
	return sumFrom(size, key), nil
}

// Remove says whether there was one.
func (keyValues) Remove(key string) bool {
	size := use(fieldsOf("delete", key), nil)
	return used(size, key).fields.Get("deleted").Bool(false)
}

func fieldsOf(op string, key string) *JsonObject {
	return (&JsonObject{}).Text("op", op).Text("key", key)
}

func askEntry(key string) int32 { return use(fieldsOf("get", key), nil) }

func entryFrom(size int32, key string) (KvEntry, bool) {
	if size == notFound {
		return KvEntry{}, false
	}
	answer := used(size, key)
	return KvEntry{answer.octets, answer.integer("revision"), answer.integer("expires")}, true
}

func askPut(key string, value []byte, expires int) int32 {
	return use(withExpiry(fieldsOf("put", key), expires), given(value))
}

func askReplace(key string, value []byte, revision int64, expires int) int32 {
	fields := fieldsOf("put", key).Json("revision", strconv.FormatInt(revision, 10))
	return use(withExpiry(fields, expires), given(value))
}

func isStored(size int32, key string) bool { return used(size, key).fields.Get("stored").Bool(false) }

func askIncrement(key string, by int64, expires int) int32 {
	fields := fieldsOf("increment", key).Json("by", strconv.FormatInt(by, 10))
	return use(withExpiry(fields, expires), nil)
}

func sumFrom(size int32, key string) int64 { return used(size, key).integer("value") }

func isTrouble(size int32) bool { return size == limit || size == outage }

func use(fields *JsonObject, value []byte) int32 {
	return ask(func(octets []byte) int32 { return askKv(octetsPointer(octets)) }, fields, value)
}

func used(size int32, key string) answer { return readAnswer(must(size, "use the key ", `"`+key+`"`)) }

// A value that is empty is a value.
func given(value []byte) []byte {
	if value == nil {
		return []byte{}
	}
	return value
}

func withExpiry(fields *JsonObject, expires int) *JsonObject {
	if expires != 0 {
		fields.Integer("expires", expires)
	}
	return fields
}
