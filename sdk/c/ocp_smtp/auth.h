/*
 * SPF, and at stage `message` DKIM, ARC and DMARC, of the message as it arrived (capability `auth`). From `mail` on. Worked out
 * once for all services. What can't be worked out ends the call: the operator's rule for outages applies.
 */
#ifndef OCP_SMTP_AUTH_H
#define OCP_SMTP_AUTH_H

#include "answer.h"

/* For what the manifest has as optional. */
static inline bool auth_is_granted(void) { return ocp_is_granted(TEXT("auth")); }

/* What one mechanism found. */
typedef struct {
  const json *json;
  /* A word of RFC 8601 section 2.7; empty if the mechanism was not asked. */
  text result;
  /* Why, in words; empty if there are none. */
  text reason;
  text domain;
} auth_result;

typedef struct {
  auth_result spf;
  /* A list, of each signature: `auth_dkim` reads it. */
  const json *dkim;
  auth_result arc;
  auth_result dmarc;
  /* What the author's domain asks to be done with mail that fails DMARC: `none`, `quarantine`, `reject`. */
  text policy;
  /* Who sealed a chain that holds, the first hop first: a list of texts. */
  const json *sealers;
  /* What the last of them said it had found. */
  text sealed;
  /* All of it as Authentication-Results says it, one item for each: a list of texts. */
  const json *texts;
} auth_results;

static inline auth_result ocp_auth_result(const json *of) {
  return (auth_result){
      of,
      json_text(json_get(of, TEXT("result"))),
      json_text(json_get(of, TEXT("reason"))),
      json_text(json_get(of, TEXT("domain"))),
  };
}

static inline auth_results auth_get_results(void) {
  uint32_t size = ocp_must(ocp_auth("{}", 2), TEXT("authenticate the message"), EMPTY);
  const json *fields = ocp_read_answer(size).fields;
  const json *arc = json_get(fields, TEXT("arc"));
  const json *dmarc = json_get(fields, TEXT("dmarc"));
  return (auth_results){
      ocp_auth_result(json_get(fields, TEXT("spf"))),
      json_get(fields, TEXT("dkim")),
      ocp_auth_result(arc),
      ocp_auth_result(dmarc),
      json_text_or(json_get(dmarc, TEXT("policy")), TEXT("none")),
      json_get(arc, TEXT("sealers")),
      json_text(json_get(arc, TEXT("results"))),
      json_get(fields, TEXT("texts")),
  };
}

/* What was found of one signature; there are `json_length(results->dkim)`. */
static inline auth_result auth_dkim(const auth_results *results, uint32_t index) {
  return ocp_auth_result(json_at(results->dkim, index));
}

#endif
