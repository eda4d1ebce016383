package postern

// Signing signs with private keys that the host holds, by their names (capability key). That there is no signature does not end
// the call: what a filter does then is its own decision.
var Signing signer

type signer struct{}

// SignedFields are header fields that the host has made with a key that it holds, or why there are none.
type SignedFields struct {
	// INVALID, DENIED, LIMIT or UNAVAILABLE, else empty.
	Error string
	// As they are, to be put before all others: Message.Splice(0, 0, fields). Empty if there are none to add.
	Fields []byte
}

// IsGranted says whether the operator grants it; without that the others answer DENIED. For what the manifest has as optional.
func (signer) IsGranted() bool { return isGranted("key") }

// Dkim gives a DKIM-Signature. Options are headers, oversign, canonicalization and expires of sdk/ABI.md; they may be nil.
func (signer) Dkim(key string, options *JsonObject) SignedFields {
	fields := &JsonObject{}
	if options != nil {
		fields.pieces = append(fields.pieces, options.pieces...)
	}
	return askSigner(fields.Text("op", "dkim-sign").Text("key", key))
}

// Arc gives the three fields of ARC. The results are those of this hop, as Auth.Results().Texts has them.
func (signer) Arc(key string, authservID string, results []string) SignedFields {
	texts := &JsonList{}
	for _, result := range results {
		texts.Text(result)
	}
	fields := (&JsonObject{}).Text("op", "arc-seal").Text("key", key).Text("authservId", authservID)
	return askSigner(fields.Json("results", texts.String()))
}

func askSigner(fields *JsonObject) SignedFields {
	size := ask(func(octets []byte) int32 { return askKey(octetsPointer(octets)) }, fields, nil)
	if size < 0 {
		return SignedFields{Error: nameOf(size)}
	}
	return SignedFields{Fields: readAnswer(int(size)).octets}
}
