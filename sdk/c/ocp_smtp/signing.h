/*
 * Signs with private keys that the host holds, by their names (capability `key`). That there is no signature does not end the
 * call: what a filter does then is its own decision.
 */
#ifndef OCP_SMTP_SIGNING_H
#define OCP_SMTP_SIGNING_H

#include "answer.h"

/* Whether the operator grants it; without that the others answer DENIED. For what the manifest has as optional. */
static inline bool signing_is_granted(void) { return ocp_is_granted(TEXT("key")); }

/* Header fields that the host has made with a key that it holds, or why there are none. */
typedef struct {
  /* INVALID, DENIED, LIMIT or UNAVAILABLE, else empty. */
  text error;
  /* As they are, to be put before all others: `message_splice(0, 0, fields)`. Empty if there are none to add. */
  text fields;
} signed_fields;

static inline signed_fields ocp_key_ask(const json_writer *members) {
  text question = ocp_question(members, NULL);
  int32_t size = ocp_key(question.at, question.size);
  if (size < 0) return (signed_fields){ocp_name_of(size), EMPTY};
  return (signed_fields){EMPTY, ocp_read_answer((uint32_t)size).octets};
}

/*
 * A DKIM-Signature. `options` has members `headers`, `oversign`, `canonicalization` and `expires` of sdk/ABI.md, and may be
 * NULL.
 */
static inline signed_fields signing_dkim(text key, const json_writer *options) {
  json_writer members = {0};
  if (options != NULL) write_raw(&members, writer_text(options));
  write_text_member(&members, TEXT("op"), TEXT("dkim-sign"));
  write_text_member(&members, TEXT("key"), key);
  return ocp_key_ask(&members);
}

/* The three fields of ARC. `results`, a list of texts, are those of this hop, as `auth_get_results().texts` has them. */
static inline signed_fields signing_arc(text key, text authserv_id, const json *results) {
  json_writer texts = {0};
  for (uint32_t i = 0; i < json_length(results); i++) write_text_item(&texts, json_text(json_at(results, i)));
  json_writer members = {0};
  write_text_member(&members, TEXT("op"), TEXT("arc-seal"));
  write_text_member(&members, TEXT("key"), key);
  write_text_member(&members, TEXT("authservId"), authserv_id);
  write_member(&members, TEXT("results"), text_join(TEXT("["), writer_text(&texts), TEXT("]")));
  return ocp_key_ask(&members);
}

#endif
