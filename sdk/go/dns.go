package postern

// Dns looks names up, as far as the operator grants it (capability dns). That there is no answer does not end the call: what a
// filter does then is its own decision. If the call fails after UNAVAILABLE, the operator's rule for outages applies.
var Dns names

type names struct{}

// DnsAnswer is what DNS says, or why it says nothing.
type DnsAnswer struct {
	// INVALID, DENIED, LIMIT or UNAVAILABLE if there is no answer, else empty.
	Error string
	// found, nodata (there is such a name, without records of this type) or nxdomain (there is no such name); empty if there is no answer.
	Result string
	// Seconds for which it holds.
	Ttl int
	// As they are in the answer (sdk/ABI.md): texts, of MX maps with priority and exchange.
	Records *Json
}

// Texts are addresses, names, or the texts of TXT records; of MX their exchanges.
func (answer DnsAnswer) Texts() []string {
	var texts []string
	for _, record := range answer.Records.items {
		if record.IsObject() {
			record = record.Get("exchange")
		}
		texts = append(texts, record.Text())
	}
	return texts
}

// IsGranted says whether the operator grants it; without that Query answers DENIED. For what the manifest has as optional.
func (names) IsGranted() bool { return isGranted("dns") }

// Query takes a type of A, AAAA, MX, TXT or PTR, and a name in A-labels.
func (names) Query(kind string, name string) DnsAnswer {
	return askNames((&JsonObject{}).Text("type", kind).Text("name", name))
}

// Reverse gives the names of an address.
func (names) Reverse(address string) DnsAnswer {
	return askNames((&JsonObject{}).Text("type", "PTR").Text("address", address))
}

// Listed looks an address up in a list that is published in DNS (RFC 5782), such as zen.example.org: found if it is listed.
func (names) Listed(address string, zone string) DnsAnswer {
	return askNames((&JsonObject{}).Text("type", "A").Text("address", address).Text("name", zone))
}

func askNames(fields *JsonObject) DnsAnswer {
	size := ask(func(octets []byte) int32 { return askDNS(octetsPointer(octets)) }, fields, nil)
	if size < 0 {
		return DnsAnswer{Error: nameOf(size), Records: missing}
	}
	said := readAnswer(int(size)).fields
	return DnsAnswer{Result: said.Get("result").Text(), Ttl: said.Get("ttl").Integer(0), Records: said.Get("records")}
}
