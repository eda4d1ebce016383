package postern

// RecipientDecision is what is proposed for one recipient; Decision.Recipient makes one.
type RecipientDecision struct{ members JsonObject }

func (decision *RecipientDecision) Reject(code int, enhanced string, text string) *RecipientDecision {
	return decision.text("verdict", "reject").json("reply", replyJSON(code, enhanced, text))
}

func (decision *RecipientDecision) Tempfail(code int, enhanced string, text string) *RecipientDecision {
	return decision.text("verdict", "tempfail").json("reply", replyJSON(code, enhanced, text))
}

func (decision *RecipientDecision) Discard() *RecipientDecision {
	return decision.text("verdict", "discard")
}

func (decision *RecipientDecision) Quarantine() *RecipientDecision {
	return decision.text("verdict", "quarantine")
}

func (decision *RecipientDecision) Bounce() *RecipientDecision {
	return decision.text("verdict", "bounce")
}

// Replace sends it to these addresses instead; to nobody if there are none.
func (decision *RecipientDecision) Replace(addresses ...string) *RecipientDecision {
	var list JsonList
	for _, address := range addresses {
		list.Text(address)
	}
	return decision.json("replace", list.String())
}

func (decision *RecipientDecision) NextHop(name string) *RecipientDecision {
	return decision.text("nextHop", name)
}

func (decision *RecipientDecision) Folder(name string) *RecipientDecision {
	return decision.text("folder", name)
}

func (decision *RecipientDecision) text(name string, value string) *RecipientDecision {
	return decision.json(name, Quote(value))
}

func (decision *RecipientDecision) json(name string, value string) *RecipientDecision {
	decision.members.Json(name, value)
	return decision
}

func replyJSON(code int, enhanced string, text string) string {
	var reply JsonObject
	reply.Integer("code", code)
	if enhanced != "" {
		reply.Text("enhanced", enhanced)
	}
	return reply.Text("text", line(text, 400)).String()
}
