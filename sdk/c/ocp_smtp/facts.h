/* What the host says about the session and the transaction: sdk/ABI.md, "Facts". */
#ifndef OCP_SMTP_FACTS_H
#define OCP_SMTP_FACTS_H

#include "extism.h"
#include "json.h"

/* The facts of this call, all of them; not in `configure`, whose input is the settings. */
static inline const json *facts(void) {
  static const json *parsed = NULL;
  /* An instance may answer several calls, each with its input at another address. */
  static uint64_t parsed_input = 0;
  uint64_t input = ocp_extism_input_offset();
  if (parsed != NULL && parsed_input == input) return parsed;
  parsed_input = input;
  parsed = json_parse(ocp_read_input());
  if (parsed == NULL) fail(TEXT("Cannot read the facts: not JSON, or nested deeper than 64"));
  return parsed;
}

static inline text ocp_fact(text group, text name) { return json_text(json_get(json_get(facts(), group), name)); }

static inline const json *ocp_client(text name) { return json_get(json_get(facts(), TEXT("client")), name); }

static inline text facts_stage(void) { return json_text(json_get(facts(), TEXT("stage"))); }
static inline text facts_session(void) { return json_text(json_get(facts(), TEXT("session"))); }
static inline text facts_transaction(void) { return json_text(json_get(facts(), TEXT("transaction"))); }

/* This service's name, as the operator configured it. */
static inline text facts_service(void) { return json_text(json_get(facts(), TEXT("service"))); }

static inline text facts_listener(void) { return ocp_fact(TEXT("listener"), TEXT("name")); }

/* `smtp submission lmtp` */
static inline text facts_protocol(void) { return ocp_fact(TEXT("listener"), TEXT("protocol")); }

/* The client's IPv4 or IPv6 address. */
static inline text facts_client_address(void) { return json_text(ocp_client(TEXT("address"))); }
static inline int32_t facts_client_port(void) { return json_integer(ocp_client(TEXT("port")), 0); }

/* The name that the client gave with HELO, EHLO or LHLO. */
static inline text facts_helo(void) { return json_text(json_get(ocp_client(TEXT("helo")), TEXT("name"))); }

/* `HELO EHLO LHLO` */
static inline text facts_helo_verb(void) { return json_text(json_get(ocp_client(TEXT("helo")), TEXT("verb"))); }

static inline bool facts_has_tls(void) { return !json_is_missing(ocp_client(TEXT("tls"))); }
static inline text facts_tls_version(void) { return json_text(json_get(ocp_client(TEXT("tls")), TEXT("version"))); }
static inline text facts_tls_cipher(void) { return json_text(json_get(ocp_client(TEXT("tls")), TEXT("cipher"))); }

/* Who authenticated; empty if nobody did. */
static inline text facts_user(void) { return json_text(ocp_client(TEXT("user"))); }

/* Tells the null reverse-path from "no MAIL yet": both have an empty sender. */
static inline bool facts_has_sender(void) { return !json_is_missing(json_get(facts(), TEXT("sender"))); }
static inline text facts_sender(void) { return ocp_fact(TEXT("sender"), TEXT("address")); }

/* The form of it to compare: lower case, unquoted where possible, the domain in A-labels. */
static inline text facts_sender_normal(void) { return ocp_fact(TEXT("sender"), TEXT("normal")); }

/* A parameter of MAIL, its name in upper case. */
static inline text facts_sender_param(text name) {
  return json_text(json_get(json_get(json_get(facts(), TEXT("sender")), TEXT("params")), name));
}

/* At `rcpt` the one asked about; from `data` on all that were accepted. */
static inline const json *facts_recipients(void) { return json_get(facts(), TEXT("recipients")); }

/* At `rcpt`: the address asked about. */
static inline text facts_recipient(void) {
  return json_text(json_get(json_at(facts_recipients(), 0), TEXT("address")));
}

/* The form of it to compare, as `facts_sender_normal`. */
static inline text facts_recipient_normal(void) {
  return json_text(json_get(json_at(facts_recipients(), 0), TEXT("normal")));
}

/* Of an item of `facts_recipients`: the address as it now is, after rewrites. */
static inline text recipient_address(const json *of) { return json_text(json_get(of, TEXT("address"))); }

/* The form of it to compare, as `facts_sender_normal`. */
static inline text recipient_normal(const json *of) { return json_text(json_get(of, TEXT("normal"))); }

/* As the client gave it. */
static inline text recipient_original(const json *of) {
  return json_text_or(json_get(of, TEXT("original")), recipient_address(of));
}

/* A parameter of RCPT, its name in upper case. */
static inline text recipient_param(const json *of, text name) {
  return json_text(json_get(json_get(of, TEXT("params")), name));
}

/* Octets. */
static inline uint32_t facts_message_size(void) {
  return (uint32_t)json_integer(json_get(json_get(facts(), TEXT("message")), TEXT("size")), 0);
}

/* Where the manifest asks for `parts`: the message's MIME parts as it arrived, itself first; as many as the facts have room for. */
static inline const json *facts_message_parts(void) { return json_get(json_get(facts(), TEXT("message")), TEXT("parts")); }

/* How many the message has. */
static inline uint32_t facts_message_part_count(void) {
  return (uint32_t)json_integer(json_get(json_get(facts(), TEXT("message")), TEXT("partCount")), 0);
}

/* Of an item of `facts_message_parts`: `type/subtype` in lower case. */
static inline text part_facts_type(const json *of) { return json_text(json_get(of, TEXT("type"))); }

/* File name, decoded; empty if not given. */
static inline text part_facts_name(const json *of) { return json_text(json_get(of, TEXT("name"))); }

/* `attachment`, `inline` …; empty if not given. */
static inline text part_facts_disposition(const json *of) { return json_text(json_get(of, TEXT("disposition"))); }

/* Content-Transfer-Encoding in lower case. */
static inline text part_facts_encoding(const json *of) { return json_text(json_get(of, TEXT("encoding"))); }

/* 0 for the message itself, 1 for its parts, and so on. */
static inline int32_t part_facts_depth(const json *of) { return json_integer(json_get(of, TEXT("depth")), 0); }

/* Octets of its body as encoded. */
static inline uint32_t part_facts_size(const json *of) { return (uint32_t)json_integer(json_get(of, TEXT("size")), 0); }

/* What an earlier service said with that tag. */
static inline text facts_tag(text name) { return json_text(json_get(json_get(facts(), TEXT("tags")), name)); }

/* The sum of what earlier services said. */
static inline double facts_score(void) { return json_number(json_get(facts(), TEXT("score")), 0); }

/* At `report`: what became of each recipient. */
static inline const json *facts_outcomes(void) { return json_get(facts(), TEXT("outcomes")); }

/* Of an item of `facts_outcomes`. */
static inline text outcome_recipient(const json *of) { return json_text(json_get(of, TEXT("recipient"))); }

/* `deliver reject tempfail discard quarantine bounce` */
static inline text outcome_disposition(const json *of) { return json_text(json_get(of, TEXT("disposition"))); }

/* What the client was told, `250 2.0.0 OK`. */
static inline text outcome_reply(const json *of) { return json_text(json_get(of, TEXT("reply"))); }

#endif
