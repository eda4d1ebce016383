/*
 * Look-ups in DNS, as far as the operator grants them (capability `dns`). That there is no answer does not end the call: what
 * a filter does then is its own decision. If the call fails after `UNAVAILABLE`, the operator's rule for outages applies.
 */
#ifndef OCP_SMTP_DNS_H
#define OCP_SMTP_DNS_H

#include "answer.h"

/* Whether the operator grants it; without that `dns_query` answers DENIED. For what the manifest has as optional. */
static inline bool dns_is_granted(void) { return ocp_is_granted(TEXT("dns")); }

/* What DNS says, or why it says nothing. */
typedef struct {
  /* INVALID, DENIED, LIMIT or UNAVAILABLE if there is no answer, else empty. */
  text error;
  /* `found`, `nodata` (there is such a name, without records of this type) or `nxdomain` (there is no such name); empty if there is no answer. */
  text result;
  /* Seconds for which it holds. */
  int32_t ttl;
  /* As they are in the answer (sdk/ABI.md): a list of texts, of MX of maps with `priority` and `exchange`. */
  const json *records;
} dns_answer;

/* An address, a name, or the text of a TXT record; of MX its exchange. */
static inline text dns_text(const dns_answer *answer, uint32_t index) {
  const json *record = json_at(answer->records, index);
  return json_is_object(record) ? json_text(json_get(record, TEXT("exchange"))) : json_text(record);
}

static inline dns_answer ocp_dns_ask(const json_writer *members) {
  text question = ocp_question(members, NULL);
  int32_t size = ocp_dns(question.at, question.size);
  if (size < 0) return (dns_answer){ocp_name_of(size), EMPTY, 0, &ocp_missing};
  const json *fields = ocp_read_answer((uint32_t)size).fields;
  return (dns_answer){
      EMPTY,
      json_text(json_get(fields, TEXT("result"))),
      json_integer(json_get(fields, TEXT("ttl")), 0),
      json_get(fields, TEXT("records")),
  };
}

/* The type is `A`, `AAAA`, `MX`, `TXT` or `PTR`, the name is in A-labels. */
static inline dns_answer dns_query(text type, text name) {
  json_writer members = {0};
  write_text_member(&members, TEXT("type"), type);
  write_text_member(&members, TEXT("name"), name);
  return ocp_dns_ask(&members);
}

/* The names of an address. */
static inline dns_answer dns_reverse(text address) {
  json_writer members = {0};
  write_text_member(&members, TEXT("type"), TEXT("PTR"));
  write_text_member(&members, TEXT("address"), address);
  return ocp_dns_ask(&members);
}

/* An address in a list that is published in DNS (RFC 5782), such as `zen.example.org`: `found` if it is listed. */
static inline dns_answer dns_listed(text address, text zone) {
  json_writer members = {0};
  write_text_member(&members, TEXT("type"), TEXT("A"));
  write_text_member(&members, TEXT("address"), address);
  write_text_member(&members, TEXT("name"), zone);
  return ocp_dns_ask(&members);
}

#endif
