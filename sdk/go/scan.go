package postern

// Scan gives the verdicts of the virus scanner that the operator grants (capability scan). That there is none does not end the
// call: what a filter does then is its own decision. If the call fails after UNAVAILABLE, the operator's rule for outages
// applies.
var Scan scanner

type scanner struct{}

// ScanVerdict is what a virus scanner says. Neither clean nor of a name is what it gave no verdict about.
type ScanVerdict struct {
	IsClean bool
	// What was found, on one line; empty if nothing was.
	Name string
	// INVALID, DENIED, LIMIT (too long for it, or too much for a minute) or UNAVAILABLE if there is no verdict, else empty.
	Error string
}

// IsGranted says whether the operator grants it; without that each verdict is the error DENIED. For what the manifest has as optional.
func (scanner) IsGranted() bool { return isGranted("scan") }

// Part is about the body of a part, its Content-Transfer-Encoding undone. It does not pass through the plugin's memory.
func (scanner) Part(part Part) ScanVerdict {
	return scanRange(part.Offset()+part.HeaderSize(), part.Size(), part.Encoding())
}

// Message is about the whole message as it is.
func (scanner) Message() ScanVerdict { return scanRange(0, Message.Size(), "") }

// Octets takes at most 8 MiB, with what the request has besides.
func (scanner) Octets(octets []byte) ScanVerdict { return askScanner(&JsonObject{}, given(octets)) }

func scanRange(offset int, length int, encoding string) ScanVerdict {
	return askScanner((&JsonObject{}).Json("content", content(offset, length, encoding).String()), nil)
}

func askScanner(fields *JsonObject, octets []byte) ScanVerdict {
	size := ask(func(octets []byte) int32 { return askScan(octetsPointer(octets)) }, fields, octets)
	if size < 0 {
		return ScanVerdict{Error: nameOf(size)}
	}
	said := readAnswer(int(size)).fields
	return ScanVerdict{IsClean: said.Get("clean").Bool(false), Name: said.Get("name").Text()}
}
