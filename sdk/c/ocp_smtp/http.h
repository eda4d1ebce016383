/*
 * Requests to the servers that the operator grants (capability `http`). That there is no answer does not end the call: what
 * a filter does then is its own decision. If the call fails after `UNAVAILABLE`, the operator's rule for outages applies.
 */
#ifndef OCP_SMTP_HTTP_H
#define OCP_SMTP_HTTP_H

#include "answer.h"
#include "message.h"

/* Whether the operator grants it; without that `http_request` answers DENIED. For what the manifest has as optional. */
static inline bool http_is_granted(void) { return ocp_is_granted(TEXT("http")); }

/* What a server answered, or why there is no answer. */
typedef struct {
  /* 0 if there is no answer. */
  int32_t status;
  /* INVALID, DENIED, LIMIT or UNAVAILABLE if there is no answer, else empty. */
  text error;
  text body;
  const json *fields;
} http_response;

/* The value of a header field, its name in lower case; empty if there is none. */
static inline text http_header(const http_response *response, text name) {
  return json_text(json_get(response->fields, name));
}

static inline http_response ocp_http_ask(const json_writer *members, const text *body) {
  text question = ocp_question(members, body);
  int32_t size = ocp_http(question.at, question.size);
  if (size < 0) return (http_response){0, ocp_name_of(size), EMPTY, &ocp_missing};
  ocp_answer answer = ocp_read_answer((uint32_t)size);
  int32_t status = json_integer(json_get(answer.fields, TEXT("status")), 0);
  return (http_response){status, EMPTY, answer.octets, json_get(answer.fields, TEXT("headers"))};
}

static inline json_writer ocp_http_members(text method, text url, const json_writer *headers) {
  json_writer members = {0};
  write_text_member(&members, TEXT("method"), method);
  write_text_member(&members, TEXT("url"), url);
  if (headers != NULL) write_member(&members, TEXT("headers"), ocp_object(headers));
  return members;
}

/* `headers` has the members of an object, written with `write_text_member`; it and `body` may be NULL. */
static inline http_response http_request(text method, text url, const json_writer *headers, const text *body) {
  json_writer members = ocp_http_members(method, url, headers);
  return ocp_http_ask(&members, body);
}

/* A POST of the whole message, as it is: it does not pass through the plugin's memory. Stage `message` only. */
static inline http_response http_post_message(text url, const json_writer *headers) {
  json_writer members = ocp_http_members(TEXT("POST"), url, headers);
  write_member(&members, TEXT("content"), ocp_content(0, message_size(), EMPTY));
  return ocp_http_ask(&members, NULL);
}

#endif
