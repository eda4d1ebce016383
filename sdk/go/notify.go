package postern

// Notify is for notices by mail, at stage message, and incidents, at every stage, as far as the operator grants them (capability
// notify). They are proposed like an edit: nothing comes of them if the call fails, or if its service is in monitor. False: not
// allowed, or more than a call may propose; that does not end the call. Control characters become spaces, and what is too long
// is cut.
var Notify notifier

type notifier struct{}

// IsGranted says whether the operator grants any of it. For what the manifest has as optional.
func (notifier) IsGranted() bool { return isGranted("notify") }

func (notifier) Sender(subject string, text string) bool {
	return Notify.Notice("sender", subject, text)
}

// Recipients are each of those that this service is asked about.
func (notifier) Recipients(subject string, text string) bool {
	return Notify.Notice("recipients", subject, text)
}

func (notifier) Postmaster(subject string, text string) bool {
	return Notify.Notice("postmaster", subject, text)
}

// Incident takes a severity of info, notice, warning, error or critical, and as event what happened, as a program finds it:
// virus-found. Fields may be nil.
func (notifier) Incident(severity string, event string, text string, fields *JsonObject) bool {
	request := (&JsonObject{}).Text("kind", "incident").Text("severity", severity).Text("event", event).Text("text", text)
	if fields != nil {
		request.Json("fields", fields.String())
	}
	return propose(request, nil, `report the incident "`+event+`"`)
}

// Notice goes to sender, recipients or postmaster: for those that a setting names.
func (notifier) Notice(to string, subject string, text string) bool {
	request := (&JsonObject{}).Text("kind", "notice").Text("to", to).Text("subject", subject)
	return propose(request, []byte(text), `give notice to "`+to+`"`)
}

func propose(request *JsonObject, octets []byte, what string) bool {
	result := ask(func(octets []byte) int32 { return askNotify(octetsPointer(octets)) }, request, octets)
	if result == denied || result == limit {
		return false
	}
	must(result, what, "")
	return true
}
