package postern

// Http sends requests to the servers that the operator grants (capability http). That there is no answer does not end the
// call: what a filter does then is its own decision. If the call fails after UNAVAILABLE, the operator's rule for outages
// applies.
var Http web

type web struct{}

// HttpResponse is what a server answered, or why there is no answer.
type HttpResponse struct {
	// 0 if there is no answer.
	Status int
	// INVALID, DENIED, LIMIT or UNAVAILABLE if there is no answer, else empty.
	Error  string
	Body   []byte
	fields *Json
}

// Header gives the value of a header field, its name in lower case; empty if there is none.
func (response HttpResponse) Header(name string) string { return response.fields.Get(name).Text() }

func (response HttpResponse) Text() string { return decode(response.Body) }

// IsGranted says whether the operator grants it; without that Request answers DENIED. For what the manifest has as optional.
func (web) IsGranted() bool { return isGranted("http") }

// Request may have no headers and no body: nil.
func (web) Request(method string, url string, headers *JsonObject, body []byte) HttpResponse {
	return askWeb(requestFields(method, url, headers), body)
}

// PostMessage is a POST of the whole message, as it is: it does not pass through the plugin's memory. Stage message only. Headers may
// be nil.
func (web) PostMessage(url string, headers *JsonObject) HttpResponse {
	fields := requestFields("POST", url, headers)
	return askWeb(fields.Json("content", content(0, Message.Size(), "").String()), nil)
}

func requestFields(method string, url string, headers *JsonObject) *JsonObject {
	fields := (&JsonObject{}).Text("method", method).Text("url", url)
	if headers != nil {
		fields.Json("headers", headers.String())
	}
	return fields
}

func askWeb(fields *JsonObject, body []byte) HttpResponse {
	size := ask(func(octets []byte) int32 { return askHTTP(octetsPointer(octets)) }, fields, body)
	if size < 0 {
		return HttpResponse{Error: nameOf(size), fields: missing}
	}
	answer := readAnswer(int(size))
	return HttpResponse{
		Status: answer.fields.Get("status").Integer(0),
		Body:   answer.octets,
		fields: answer.fields.Get("headers"),
	}
}
