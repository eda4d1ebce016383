/*
 * Look-ups in the tables that the operator grants (capability `directory`): CSV, SQLite, LDAP. That there is no answer does not
 * end the call: what a filter does then is its own decision. If the call fails after `UNAVAILABLE`, the operator's rule for
 * outages applies.
 */
#ifndef OCP_SMTP_DIRECTORY_H
#define OCP_SMTP_DIRECTORY_H

#include "answer.h"

/* Whether the operator grants it; without that `directory_find` answers DENIED. For what the manifest has as optional. */
static inline bool directory_is_granted(void) { return ocp_is_granted(TEXT("directory")); }

/* The rows of a table for a key, or why there are none. */
typedef struct {
  /* INVALID, DENIED, LIMIT or UNAVAILABLE if there is no answer, else empty. */
  text error;
  /* A list of maps from a column or attribute to a list of its values. */
  const json *rows;
} directory_answer;

/* The table is a name in the config; the key is an address in its normal form, say. */
static inline directory_answer directory_find(text table, text key) {
  json_writer members = {0};
  write_text_member(&members, TEXT("table"), table);
  write_text_member(&members, TEXT("key"), key);
  text question = ocp_question(&members, NULL);
  int32_t size = ocp_directory(question.at, question.size);
  if (size < 0) return (directory_answer){ocp_name_of(size), &ocp_missing};
  return (directory_answer){EMPTY, json_get(ocp_read_answer((uint32_t)size).fields, TEXT("rows"))};
}

static inline bool directory_is_found(const directory_answer *answer) { return json_length(answer->rows) > 0; }

/* Whether there is a value number `nth` (from 0) of a column or attribute, those of all rows in one; it goes to `*value`. */
static inline bool directory_value_at(const directory_answer *answer, text name, uint32_t nth, text *value) {
  for (uint32_t i = 0; i < json_length(answer->rows); i++) {
    const json *values = json_get(json_at(answer->rows, i), name);
    if (nth < json_length(values)) {
      *value = json_text(json_at(values, nth));
      return true;
    }
    nth -= json_length(values);
  }
  return false;
}

/* The first of them; empty if there is none. */
static inline text directory_value(const directory_answer *answer, text name) {
  text value = EMPTY;
  directory_value_at(answer, name, 0, &value);
  return value;
}

#endif
