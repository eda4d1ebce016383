package postern

// FactsOf is what the host says about the session and the transaction: sdk/ABI.md, "Facts". Texts that are absent are
// empty.
type FactsOf struct {
	// All of it, for what has no accessor here.
	Json *Json
}

var parsedFacts *Json

// The address of the input that they are from: an instance may answer several calls, each with an input of its own.
var parsedInput uint64

// Facts gives the facts of this call; not in configure, whose input is the settings.
func Facts() FactsOf {
	if input := extismInputOffset(); parsedFacts == nil || parsedInput != input {
		parsedInput = input
		parsedFacts = ParseJSON(readInput())
		if parsedFacts == nil {
			Fail("Cannot read the facts: not JSON, or nested deeper than 64")
		}
	}
	return FactsOf{parsedFacts}
}

func (facts FactsOf) Stage() string       { return facts.Json.Get("stage").Text() }
func (facts FactsOf) Session() string     { return facts.Json.Get("session").Text() }
func (facts FactsOf) Transaction() string { return facts.Json.Get("transaction").Text() }

// Service is this service's name, as the operator configured it.
func (facts FactsOf) Service() string { return facts.Json.Get("service").Text() }

func (facts FactsOf) Listener() string { return facts.Json.Get("listener").Get("name").Text() }

// Protocol is smtp, submission or lmtp.
func (facts FactsOf) Protocol() string { return facts.Json.Get("listener").Get("protocol").Text() }

// ClientAddress is the client's IPv4 or IPv6 address.
func (facts FactsOf) ClientAddress() string { return facts.client("address").Text() }
func (facts FactsOf) ClientPort() int       { return facts.client("port").Integer(0) }

// Helo is the name that the client gave with HELO, EHLO or LHLO.
func (facts FactsOf) Helo() string { return facts.client("helo").Get("name").Text() }

// HeloVerb is HELO, EHLO or LHLO.
func (facts FactsOf) HeloVerb() string { return facts.client("helo").Get("verb").Text() }

func (facts FactsOf) HasTls() bool       { return !facts.client("tls").IsMissing() }
func (facts FactsOf) TlsVersion() string { return facts.client("tls").Get("version").Text() }
func (facts FactsOf) TlsCipher() string  { return facts.client("tls").Get("cipher").Text() }

// User is who authenticated; empty if nobody did.
func (facts FactsOf) User() string { return facts.client("user").Text() }

// HasSender tells the null reverse-path from "no MAIL yet": both have an empty sender.
func (facts FactsOf) HasSender() bool { return !facts.Json.Get("sender").IsMissing() }

func (facts FactsOf) Sender() string { return facts.Json.Get("sender").Get("address").Text() }

// SenderNormal is the form of it to compare: lower case, unquoted where possible, the domain in A-labels.
func (facts FactsOf) SenderNormal() string { return facts.Json.Get("sender").Get("normal").Text() }

// SenderParam is a parameter of MAIL, its name in upper case.
func (facts FactsOf) SenderParam(name string) string {
	return facts.Json.Get("sender").Get("params").Get(name).Text()
}

// Recipients has at rcpt the one asked about; from data on all that were accepted.
func (facts FactsOf) Recipients() []RecipientFacts {
	list := facts.Json.Get("recipients")
	found := make([]RecipientFacts, list.Length())
	for i := range found {
		found[i] = RecipientFacts{list.At(i)}
	}
	return found
}

// Recipient is, at rcpt, the address asked about.
func (facts FactsOf) Recipient() string {
	return facts.Json.Get("recipients").At(0).Get("address").Text()
}

// RecipientNormal is the form of it to compare, as SenderNormal.
func (facts FactsOf) RecipientNormal() string {
	return facts.Json.Get("recipients").At(0).Get("normal").Text()
}

// MessageSize is in octets.
func (facts FactsOf) MessageSize() int { return facts.Json.Get("message").Get("size").Integer(0) }

// MessageParts are, where the manifest asks for `parts`, the message's MIME parts as it arrived, itself first; as many as the facts have
// room for.
func (facts FactsOf) MessageParts() []PartFacts {
	list := facts.Json.Get("message").Get("parts")
	found := make([]PartFacts, list.Length())
	for i := range found {
		found[i] = PartFacts{list.At(i)}
	}
	return found
}

// MessagePartCount is how many the message has.
func (facts FactsOf) MessagePartCount() int {
	return facts.Json.Get("message").Get("partCount").Integer(0)
}

// Tag is what an earlier service said with that tag.
func (facts FactsOf) Tag(name string) string { return facts.Json.Get("tags").Get(name).Text() }

// Score is the sum of what earlier services said.
func (facts FactsOf) Score() float64 { return facts.Json.Get("score").Number(0) }

// Outcomes says, at report, what became of each recipient.
func (facts FactsOf) Outcomes() []OutcomeFacts {
	list := facts.Json.Get("outcomes")
	found := make([]OutcomeFacts, list.Length())
	for i := range found {
		found[i] = OutcomeFacts{list.At(i)}
	}
	return found
}

func (facts FactsOf) client(name string) *Json { return facts.Json.Get("client").Get(name) }

type RecipientFacts struct{ Json *Json }

// Address is as it now is, after rewrites.
func (recipient RecipientFacts) Address() string { return recipient.Json.Get("address").Text() }

// Normal is the form of it to compare: lower case, unquoted where possible, the domain in A-labels.
func (recipient RecipientFacts) Normal() string { return recipient.Json.Get("normal").Text() }

// Original is as the client gave it.
func (recipient RecipientFacts) Original() string {
	return recipient.Json.Get("original").TextOr(recipient.Address())
}

// Param is a parameter of RCPT, its name in upper case.
func (recipient RecipientFacts) Param(name string) string {
	return recipient.Json.Get("params").Get(name).Text()
}

// PartFacts is one MIME part of the message, without its content.
type PartFacts struct{ Json *Json }

// Type is type/subtype in lower case.
func (part PartFacts) Type() string { return part.Json.Get("type").Text() }

// Name is the file name, decoded; empty if not given.
func (part PartFacts) Name() string { return part.Json.Get("name").Text() }

// Disposition is attachment, inline …; empty if not given.
func (part PartFacts) Disposition() string { return part.Json.Get("disposition").Text() }

// Encoding is the Content-Transfer-Encoding in lower case.
func (part PartFacts) Encoding() string { return part.Json.Get("encoding").Text() }

// Depth is 0 for the message itself, 1 for its parts, and so on.
func (part PartFacts) Depth() int { return part.Json.Get("depth").Integer(0) }

// Size is octets of its body as encoded.
func (part PartFacts) Size() int { return part.Json.Get("size").Integer(0) }

type OutcomeFacts struct{ Json *Json }

func (outcome OutcomeFacts) Recipient() string { return outcome.Json.Get("recipient").Text() }

// Disposition is deliver, reject, tempfail, discard, quarantine or bounce.
func (outcome OutcomeFacts) Disposition() string { return outcome.Json.Get("disposition").Text() }

// Reply is what the client was told, 250 2.0.0 OK.
func (outcome OutcomeFacts) Reply() string { return outcome.Json.Get("reply").Text() }
