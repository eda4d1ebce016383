package postern

// Auth tells of SPF, and at stage message of DKIM, ARC and DMARC, of the message as it arrived (capability auth). From mail on.
// Worked out once for all services. What can't be worked out ends the call: the operator's rule for outages applies.
var Auth authentication

type authentication struct{}

// AuthResult is what one mechanism found; texts are empty where there are none.
type AuthResult struct {
	Json *Json
	// A word of RFC 8601 section 2.7.
	Result string
	// Why, in words.
	Reason string
	Domain string
}

// AuthResults is what all of them found.
type AuthResults struct {
	Spf AuthResult
	// Of each signature.
	Dkim  []AuthResult
	Arc   AuthResult
	Dmarc AuthResult
	// What the author's domain asks to be done with mail that fails DMARC: none, quarantine, reject.
	Policy string
	// Who sealed a chain that holds, the first hop first.
	Sealers []string
	// What the last of them said it had found.
	Sealed string
	// All of it as Authentication-Results says it, one item for each.
	Texts []string
}

// IsGranted is for what the manifest has as optional.
func (authentication) IsGranted() bool { return isGranted("auth") }

// Results gives what was found.
func (authentication) Results() AuthResults {
	size := ask(func(octets []byte) int32 { return askAuth(octetsPointer(octets)) }, &JsonObject{}, nil)
	json := readAnswer(must(size, "authenticate the message", "")).fields
	results := AuthResults{
		Spf:     authResult(json.Get("spf")),
		Arc:     authResult(json.Get("arc")),
		Dmarc:   authResult(json.Get("dmarc")),
		Policy:  json.Get("dmarc").Get("policy").TextOr("none"),
		Sealers: json.Get("arc").Get("sealers").Texts(),
		Sealed:  json.Get("arc").Get("results").Text(),
		Texts:   json.Get("texts").Texts(),
	}
	for _, signature := range json.Get("dkim").items {
		results.Dkim = append(results.Dkim, authResult(signature))
	}
	return results
}

func authResult(json *Json) AuthResult {
	return AuthResult{json, json.Get("result").Text(), json.Get("reason").Text(), json.Get("domain").Text()}
}
