/*
 * Signing, encrypting and opening messages with keys that the operator grants (capability `key`), by S/MIME or by OpenPGP: `format` is
 * `smime` or `openpgp`. Stage `message` only. That it is not done does not end the call: what a filter does then is its own decision.
 */
#ifndef OCP_SMTP_SECURE_H
#define OCP_SMTP_SECURE_H

#include "address.h"
#include "answer.h"
#include "message.h"
#include "part.h"

/* Octets of an answer that are in the plugin's memory at a time. */
#define OCP_SECURE_PIECE 65536u

/* Whether the operator grants keys. */
static inline bool secure_is_granted(void) { return ocp_is_granted(TEXT("key")); }

/* Whether the message has more octets than the host signs, encrypts or opens (sdk/ABI.md). */
static inline bool secure_is_too_large(void) { return message_size() > 50u * 1024 * 1024; }

/* What the host made of the message: content that can take the place of the message's. */
typedef struct {
  /* INVALID, DENIED, LIMIT or UNAVAILABLE; empty if it was done. */
  text error;
  const json *fields;
  /* Where the content begins in the answer, and where that ends. */
  uint32_t start;
  uint32_t end;
} secure_answer;

/* What one wrapping of a message was. */
typedef struct {
  /* `encrypted`, `signed` */
  text kind;
  /* `opened failed` of what was encrypted, `good untrusted bad` of what was signed. */
  text result;
  /* Why it is not good. */
  text reason;
} secure_layer;

static inline json_writer ocp_secure_members(text format, text op) {
  json_writer members = {0};
  write_text_member(&members, TEXT("op"), text_join(format, TEXT("-"), op));
  return members;
}

static inline secure_answer ocp_secure_ask(const json_writer *members) {
  text question = ocp_question(members, NULL);
  int32_t result = ocp_key(question.at, question.size);
  if (result < 0) return (secure_answer){ocp_name_of(result), &ocp_missing, 0, 0};
  uint32_t size = (uint32_t)result;
  uint32_t room = size < OCP_SECURE_PIECE ? size : OCP_SECURE_PIECE;
  char *octets = take(room);
  ocp_answer_read(0, octets, room);
  text head = {octets, room};
  int32_t line = text_find(head, TEXT("\n"));
  uint32_t end = line < 0 ? head.size : (uint32_t)line;
  const json *fields = json_parse(text_slice(head, 0, end));
  if (fields == NULL) fail(TEXT("Cannot read an answer of the host: it is no JSON"));
  return (secure_answer){EMPTY, fields, end + 1 < size ? end + 1 : size, size};
}

/*
 * Which recipients of the envelope, in their normal form, can be encrypted to (`recipients`), and whether its sender's mail can be
 * signed (`signs`).
 */
static inline secure_answer secure_find(text format) {
  json_writer members = ocp_secure_members(format, TEXT("find"));
  return ocp_secure_ask(&members);
}

/*
 * The message signed, and encrypted for these recipients, if there are any. `cipher` is for S/MIME: `aes-256-cbc`, `aes-256-gcm`; empty
 * for the first.
 */
static inline secure_answer secure_protect(text format, bool sign, const text *encrypt, uint32_t count, text cipher) {
  json_writer list = {0};
  for (uint32_t i = 0; i < count; i++) write_text_item(&list, encrypt[i]);
  json_writer members = ocp_secure_members(format, TEXT("protect"));
  write_member(&members, TEXT("sign"), sign ? TEXT("true") : TEXT("false"));
  write_member(&members, TEXT("encrypt"), text_join(TEXT("["), writer_text(&list), TEXT("]")));
  write_text_member(&members, TEXT("cipher"), cipher.size == 0 ? TEXT("aes-256-cbc") : cipher);
  return ocp_secure_ask(&members);
}

/* The message decrypted, and its signatures verified. */
static inline secure_answer secure_open(text format) {
  json_writer members = ocp_secure_members(format, TEXT("open"));
  return ocp_secure_ask(&members);
}

/* Whether there is content. */
static inline bool secure_has_content(const secure_answer *answer) { return answer->end > answer->start; }

static inline uint32_t secure_layer_count(const secure_answer *answer) {
  return json_length(json_get(answer->fields, TEXT("layers")));
}

/* From the outside in. */
static inline secure_layer secure_layer_at(const secure_answer *answer, uint32_t index) {
  const json *layer = json_at(json_get(answer->fields, TEXT("layers")), index);
  return (secure_layer){json_text(json_get(layer, TEXT("kind"))), json_text(json_get(layer, TEXT("result"))),
                        json_text(json_get(layer, TEXT("reason")))};
}

/* Before the empty line that ends the header, if there is one. */
static inline uint32_t ocp_end_of_fields(uint32_t end) {
  char last[4];
  if (end < 2) return end;
  uint32_t length = end < 4 ? end : 4;
  message_read(end - length, last, length);
  text tail = {last, length};
  bool is_empty_line = text_equal(tail, TEXT("\r\n")) || text_equal(tail, TEXT("\r\n\r\n"));
  return is_empty_line ? end - 2 : end;
}

/*
 * Puts the content in the place of the message's: its Content fields and its body. Ask nothing else of the host before: the answer
 * would be gone.
 */
static inline void secure_apply(const secure_answer *answer) {
  char *piece = take(OCP_SECURE_PIECE);
  if (!secure_has_content(answer)) fail(TEXT("Cannot put the content in its place: there is none"));
  if (ocp_answer_read(answer->end - 1, piece, 2) != 1) {
    fail(TEXT("Cannot put the content in its place: the host was asked something else since"));
  }
  for (uint32_t i = 0; i < message_header_count(); i++) {
    text name = fold_case(message_header_name(i));
    if (text_starts(name, TEXT("content-")) || text_equal(name, TEXT("mime-version"))) message_header_remove(i);
  }
  part whole = part_at(0);
  uint32_t end = part_offset(whole) + part_header_size(whole);
  uint32_t from = ocp_end_of_fields(end);
  /* In the place of the empty line: fields that are added go before it, whenever that is proposed. */
  message_splice(from, end - from, TEXT("MIME-Version: 1.0\r\n"));
  for (uint32_t at = answer->start; at < answer->end;) {
    uint32_t length = (uint32_t)ocp_answer_read(at, piece, OCP_SECURE_PIECE);
    /* Never half a line end. */
    if (piece[length - 1] == '\r' && at + length < answer->end) length--;
    message_splice(end, 0, (text){piece, length});
    at += length;
  }
  message_splice(end, message_size() - end, EMPTY);
}

#endif
