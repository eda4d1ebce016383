/*
 * Files that people fetch by an URL that nobody can guess, from Postern or from the operator's store, as far as it is granted
 * (capability `blob`). That one is not put does not end the call: what a filter does then is its own decision. If the call fails
 * after `UNAVAILABLE`, the operator's rule for outages applies. What was put is removed if the transaction comes to nothing.
 */
#ifndef OCP_SMTP_BLOB_H
#define OCP_SMTP_BLOB_H

#include "answer.h"
#include "part.h"

/* Whether the operator grants it; without that nothing is put, with the error DENIED. For what the manifest has as optional. */
static inline bool blob_is_granted(void) { return ocp_is_granted(TEXT("blob")); }

/* Who may fetch a file, how often and how long. What is zero is not limited, but by the grant. */
typedef struct {
  /* Seconds. */
  int32_t expires;
  int32_t downloads;
  /* With one download it is a code for once. */
  text password;
  /* Addresses and CIDR networks. */
  const text *clients;
  uint32_t client_count;
  /* A page with a button comes first, so that programs which follow links count as no download. */
  bool confirm;
} blob_rules;

/* A file that was put. One without an URL was not. */
typedef struct {
  text url;
  text id;
  /* Octets, its Content-Transfer-Encoding undone. */
  int64_t size;
  /* In hexadecimal digits. */
  text sha256;
  /* In how many seconds it is gone. */
  int64_t expires;
  /* INVALID, DENIED, LIMIT (of the grant) or UNAVAILABLE if it was not put, else empty. */
  text error;
} blob_link;

static inline bool ocp_is_type_octet(char octet, bool first) {
  if ((octet >= 'a' && octet <= 'z') || (octet >= '0' && octet <= '9')) return true;
  return !first && text_find(TEXT("!#$&^_.+-"), (text){&octet, 1}) >= 0;
}

/* A sender writes what it likes; a server that is to send it as a header can't. */
static inline bool ocp_is_plain_type(text type) {
  int32_t slash = text_find_last(type, '/');
  if (slash < 0) return false;
  text halves[] = {text_slice(type, 0, (uint32_t)slash), text_slice(type, (uint32_t)slash + 1, type.size)};
  for (uint32_t i = 0; i < 2; i++) {
    if (halves[i].size == 0 || halves[i].size > 63) return false;
    for (uint32_t j = 0; j < halves[i].size; j++) {
      if (!ocp_is_type_octet(halves[i].at[j], j == 0)) return false;
    }
  }
  return true;
}

static inline text ocp_blob_access(const blob_rules *rules) {
  json_writer access = {0};
  if (rules->password.size > 0) write_text_member(&access, TEXT("password"), rules->password);
  if (rules->client_count > 0) {
    json_writer clients = {0};
    for (uint32_t i = 0; i < rules->client_count; i++) write_text_item(&clients, rules->clients[i]);
    write_member(&access, TEXT("clients"), text_join(TEXT("["), writer_text(&clients), TEXT("]")));
  }
  if (rules->confirm) write_member(&access, TEXT("confirm"), TEXT("true"));
  return ocp_object(&access);
}

static inline json_writer ocp_blob_members(text name, text type, const blob_rules *rules) {
  json_writer members = {0};
  write_text_member(&members, TEXT("op"), TEXT("put"));
  write_text_member(&members, TEXT("name"), name.size == 0 ? TEXT("file") : text_cut(name, 200));
  write_text_member(&members, TEXT("type"), ocp_is_plain_type(type) ? type : TEXT("application/octet-stream"));
  if (rules->expires > 0) write_member(&members, TEXT("expires"), text_of(rules->expires));
  if (rules->downloads > 0) write_member(&members, TEXT("downloads"), text_of(rules->downloads));
  write_member(&members, TEXT("access"), ocp_blob_access(rules));
  return members;
}

static inline blob_link ocp_blob_put(const json_writer *members, const text *octets) {
  text question = ocp_question(members, octets);
  int32_t size = ocp_blob(question.at, question.size);
  if (size < 0) return (blob_link){EMPTY, EMPTY, 0, EMPTY, 0, ocp_name_of(size)};
  ocp_answer answer = ocp_read_answer((uint32_t)size);
  return (blob_link){
      json_text(json_get(answer.fields, TEXT("url"))), json_text(json_get(answer.fields, TEXT("id"))),
      ocp_answer_integer(answer, TEXT("size")),        json_text(json_get(answer.fields, TEXT("sha256"))),
      ocp_answer_integer(answer, TEXT("expires")),     EMPTY,
  };
}

/* The body of a part, its Content-Transfer-Encoding undone. It does not pass through the plugin's memory. */
static inline blob_link blob_part(part of, text name, const blob_rules *rules) {
  json_writer members = ocp_blob_members(name, part_type(of), rules);
  text range = ocp_content(part_offset(of) + part_header_size(of), part_size(of), part_encoding(of));
  write_member(&members, TEXT("content"), range);
  return ocp_blob_put(&members, NULL);
}

/* At most 8 MiB, with what the request has besides. */
static inline blob_link blob_octets(text octets, text name, text type, const blob_rules *rules) {
  json_writer members = ocp_blob_members(name, type, rules);
  return ocp_blob_put(&members, &octets);
}

/* Whether there was one. */
static inline bool blob_remove(text id) {
  json_writer members = {0};
  write_text_member(&members, TEXT("op"), TEXT("remove"));
  write_text_member(&members, TEXT("id"), id);
  text question = ocp_question(&members, NULL);
  uint32_t size = ocp_must(ocp_blob(question.at, question.size), TEXT("remove the file "), id);
  return json_bool(json_get(ocp_read_answer(size).fields, TEXT("removed")), false);
}

#endif
