/* What capabilities are asked and what they answer: a line of JSON, and octets as they are after it. */
#ifndef OCP_SMTP_ANSWER_H
#define OCP_SMTP_ANSWER_H

#include "extism.h"
#include "facts.h"
#include "json.h"
#include "json_writer.h"

/* Whether the operator grants the capability of this name. */
static inline bool ocp_is_granted(text name) {
  const json *grants = json_get(facts(), TEXT("grants"));
  for (uint32_t i = 0; i < json_length(grants); i++) {
    if (text_equal(json_text(json_at(grants, i)), name)) return true;
  }
  return false;
}

/* The members of an object as a request. `octets` may be NULL. */
static inline text ocp_question(const json_writer *members, const text *octets) {
  text line = ocp_object(members);
  return octets == NULL ? line : text_join(line, TEXT("\n"), *octets);
}

/* A range of the message that a request names as its content. */
static inline text ocp_content(uint32_t offset, uint32_t length, text encoding) {
  json_writer content = {0};
  write_member(&content, TEXT("offset"), text_of(offset));
  write_member(&content, TEXT("length"), text_of(length));
  if (encoding.size > 0) write_text_member(&content, TEXT("encoding"), encoding);
  return ocp_object(&content);
}

typedef struct {
  const json *fields;
  text octets;
} ocp_answer;

static inline ocp_answer ocp_read_answer(uint32_t size) {
  char *whole = take(size);
  ocp_answer_read(0, whole, size);
  uint32_t end = 0;
  while (end < size && whole[end] != '\n') end++;
  const json *fields = json_parse((text){whole, end});
  if (fields == NULL) fail(TEXT("Cannot read an answer of the host: it is no JSON"));
  return (ocp_answer){fields, text_slice((text){whole, size}, end + 1, size)};
}

/* A whole number, 0 if there is none of that name. */
static inline int64_t ocp_answer_integer(ocp_answer answer, text name) {
  text raw = json_get(answer.fields, name)->raw;
  bool negative = raw.size > 0 && raw.at[0] == '-';
  int64_t value = 0;
  for (uint32_t i = negative ? 1 : 0; i < raw.size; i++) value = value * 10 + (raw.at[i] - '0');
  return negative ? -value : value;
}

#endif
