/*
 * The verdicts of the virus scanner that the operator grants (capability `scan`). That there is none does not end the call:
 * what a filter does then is its own decision. If the call fails after `UNAVAILABLE`, the operator's rule for outages applies.
 */
#ifndef OCP_SMTP_SCAN_H
#define OCP_SMTP_SCAN_H

#include "answer.h"
#include "message.h"
#include "part.h"

/* Whether the operator grants it; without that each verdict is the error DENIED. For what the manifest has as optional. */
static inline bool scan_is_granted(void) { return ocp_is_granted(TEXT("scan")); }

/* What a virus scanner says. Neither clean nor of a name is what it gave no verdict about. */
typedef struct {
  bool is_clean;
  /* What was found, on one line; empty if nothing was. */
  text name;
  /* INVALID, DENIED, LIMIT (too long for it, or too much for a minute) or UNAVAILABLE if there is no verdict, else empty. */
  text error;
} scan_verdict;

static inline scan_verdict ocp_scan_ask(const json_writer *members, const text *octets) {
  text question = ocp_question(members, octets);
  int32_t size = ocp_scan(question.at, question.size);
  if (size < 0) return (scan_verdict){false, EMPTY, ocp_name_of(size)};
  const json *fields = ocp_read_answer((uint32_t)size).fields;
  bool is_clean = json_bool(json_get(fields, TEXT("clean")), false);
  return (scan_verdict){is_clean, json_text(json_get(fields, TEXT("name"))), EMPTY};
}

static inline scan_verdict ocp_scan_range(uint32_t offset, uint32_t length, text encoding) {
  json_writer members = {0};
  write_member(&members, TEXT("content"), ocp_content(offset, length, encoding));
  return ocp_scan_ask(&members, NULL);
}

/* The body of a part, its Content-Transfer-Encoding undone. It does not pass through the plugin's memory. */
static inline scan_verdict scan_part(part of) {
  return ocp_scan_range(part_offset(of) + part_header_size(of), part_size(of), part_encoding(of));
}

/* The whole message as it is. */
static inline scan_verdict scan_message(void) { return ocp_scan_range(0, message_size(), EMPTY); }

/* At most 8 MiB, with what the request has besides. */
static inline scan_verdict scan_octets(text octets) {
  json_writer none = {0};
  return ocp_scan_ask(&none, &octets);
}

#endif
