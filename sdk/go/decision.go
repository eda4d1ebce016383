package postern

import (
	"math"
	"strconv"
)

// Decision is what the filter proposes: sdk/ABI.md, "Decisions". Decide(new(Decision)) is "nothing to say".
//
// Texts often quote what a sender chose (file names, addresses). Control characters in them become spaces and what is
// too long is cut, so that nobody can turn a decision into a failure by the name of an attachment.
type Decision struct {
	members    JsonObject
	recipients []*RecipientDecision
	added      JsonList
	tags       JsonObject
}

// Reject says 5xx now. enhanced is an enhanced status code such as 5.7.1, empty for none.
func (decision *Decision) Reject(code int, enhanced string, text string) *Decision {
	return decision.text("verdict", "reject").json("reply", replyJSON(code, enhanced, text))
}

// Tempfail says 4xx now.
func (decision *Decision) Tempfail(code int, enhanced string, text string) *Decision {
	return decision.text("verdict", "tempfail").json("reply", replyJSON(code, enhanced, text))
}

// Discard says 250, and the mail is dropped.
func (decision *Decision) Discard() *Decision { return decision.text("verdict", "discard") }

// Quarantine says 250, and the mail is held.
func (decision *Decision) Quarantine() *Decision { return decision.text("verdict", "quarantine") }

// Bounce says 250, and the sender gets a non-delivery notice.
func (decision *Decision) Bounce() *Decision { return decision.text("verdict", "bounce") }

// Final skips the services after this one.
func (decision *Decision) Final() *Decision { return decision.json("final", "true") }

// Disconnect closes the session after the reply.
func (decision *Decision) Disconnect() *Decision { return decision.json("disconnect", "true") }

// Rewrite is for helo, mail and rcpt: the value to go on with.
func (decision *Decision) Rewrite(value string) *Decision { return decision.text("rewrite", value) }

// Sender is for data and message: another reverse-path; an empty one is the null one.
func (decision *Decision) Sender(address string) *Decision { return decision.text("sender", address) }

// Recipient is for what is proposed for one recipient that the facts named.
func (decision *Decision) Recipient(address string) *RecipientDecision {
	recipient := new(RecipientDecision).text("address", address)
	decision.recipients = append(decision.recipients, recipient)
	return recipient
}

// AddRecipient is for data and message: a further recipient, not shown to the client.
func (decision *Decision) AddRecipient(address string) *Decision {
	decision.added.Text(address)
	return decision
}

// NextHop takes the name of a configured downstream.
func (decision *Decision) NextHop(name string) *Decision { return decision.text("nextHop", name) }

// Folder is advice for the store: the folder that the message belongs in.
func (decision *Decision) Folder(name string) *Decision { return decision.text("folder", name) }

// Tag is shown to later services, and logged.
func (decision *Decision) Tag(name string, value string) *Decision {
	decision.tags.Text(line(name, 64), line(value, 512))
	return decision
}

// Score is added to what earlier services said.
func (decision *Decision) Score(points float64) *Decision {
	if math.IsInf(points, 0) || math.IsNaN(points) {
		Fail("Cannot use a score that is not finite")
	}
	return decision.json("score", strconv.FormatFloat(points, 'g', -1, 64))
}

// Reason says why, for the quarantine list and the log.
func (decision *Decision) Reason(text string) *Decision {
	return decision.text("reason", line(text, 400))
}

func (decision *Decision) String() string {
	all := JsonObject{pieces: append([]string(nil), decision.members.pieces...)}
	if len(decision.recipients) > 0 {
		var list JsonList
		for _, recipient := range decision.recipients {
			list.Json(recipient.members.String())
		}
		all.Json("recipients", list.String())
	}
	if len(decision.added.pieces) > 0 {
		all.Json("addRecipients", decision.added.String())
	}
	if len(decision.tags.pieces) > 0 {
		all.Json("tags", decision.tags.String())
	}
	return all.String()
}

func (decision *Decision) text(name string, value string) *Decision {
	return decision.json(name, Quote(value))
}

func (decision *Decision) json(name string, value string) *Decision {
	decision.members.Json(name, value)
	return decision
}

// Decide ends an on_… export: it hands the decision to the host.
func Decide(decision *Decision) int32 {
	writeOutput(decision.String())
	return 0
}
