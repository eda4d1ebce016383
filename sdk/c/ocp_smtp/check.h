/*
 * Checks settings and says what is wrong in one sentence: the key, what was found, what is allowed. The first problem
 * is kept. A value that is missing passes every check but `check_required`.
 */
#ifndef OCP_SMTP_CHECK_H
#define OCP_SMTP_CHECK_H

#include "json_writer.h"
#include "settings.h"

typedef struct {
  const json *value;
  text path;
  bool top;
  /* Where the first problem is kept; one for the settings and all that is in them. */
  text *found;
} check;

static inline text ocp_describe(const json *of) {
  switch (of->kind) {
    case JSON_MISSING:
      return TEXT("nothing");
    case JSON_LIST:
      return TEXT("a list");
    case JSON_OBJECT:
      return TEXT("an object");
    case JSON_TEXT:
      if (text_length(of->raw) <= 60) return quote(of->raw);
      return quote(text_join(text_cut(of->raw, 60), TEXT("…")));
    case JSON_NULL:
    case JSON_BOOL:
    case JSON_NUMBER:
      return of->raw;
  }
}

/* Empty while nothing is wrong. */
static inline text check_problem(check of) { return *of.found; }

/* Keeps "Cannot use <key>: found <value>, <allowed>". */
static inline check check_refuse(check of, text allowed) {
  if (of.found->size == 0) {
    *of.found =
        text_join(TEXT("Cannot use "), of.path, TEXT(": found "), ocp_describe(of.value), TEXT(", "), allowed);
  }
  return of;
}

static inline check check_get(check of, text key) {
  text path = of.top ? key : text_join(of.path, TEXT("."), key);
  return (check){json_get(of.value, key), path, false, of.found};
}

/* An item of a list, or the value of an object's member. */
static inline check check_at(check of, uint32_t index) {
  text place = json_is_object(of.value) ? quote(json_name_at(of.value, index)) : text_of((int32_t)index);
  return (check){json_at(of.value, index), text_join(of.path, TEXT("["), place, TEXT("]")), false, of.found};
}

static inline check check_required(check of, text allowed) {
  return json_is_missing(of.value) ? check_refuse(of, allowed) : of;
}

/* An object, whatever its keys. */
static inline check check_members(check of) {
  if (json_is_missing(of.value) || json_is_object(of.value)) return of;
  return check_refuse(of, TEXT("allowed is an object"));
}

static inline check ocp_check_object(check of, const text *keys, uint32_t count) {
  check_members(of);
  for (uint32_t i = 0; json_is_object(of.value) && i < json_length(of.value); i++) {
    text name = json_name_at(of.value, i);
    text list = EMPTY;
    bool known = false;
    for (uint32_t k = 0; k < count && !known; k++) {
      known = text_equal(name, keys[k]);
      list = k == 0 ? keys[k] : text_join(list, TEXT(", "), keys[k]);
    }
    if (known) continue;
    text allowed = count == 0 ? TEXT("there are no settings") : text_join(TEXT("allowed keys are "), list);
    check_refuse(check_get(of, name), allowed);
  }
  return of;
}

#define OCP_TEXTS(...) (text[]){__VA_ARGS__}, sizeof((text[]){__VA_ARGS__}) / sizeof(text)

/* An object with no other keys than these: check_object(of, TEXT("a"), TEXT("b")). */
#define check_object(of, ...) ocp_check_object(of, OCP_TEXTS(__VA_ARGS__))

static inline check ocp_check_settings(const text *keys, uint32_t count) {
  text *found = take(sizeof(text));
  *found = EMPTY;
  return ocp_check_object((check){settings(), TEXT("settings"), true, found}, keys, count);
}

/* Of the whole settings, which must be an object with no other keys than these. */
#define check_settings(...) ocp_check_settings(OCP_TEXTS(__VA_ARGS__))

static inline check check_list(check of) {
  if (json_is_missing(of.value) || json_is_list(of.value)) return of;
  return check_refuse(of, TEXT("allowed is a list"));
}

static inline bool ocp_has_control(text value) {
  for (uint32_t i = 0; i < value.size; i++) {
    if ((uint8_t)value.at[i] < 0x20 || value.at[i] == 0x7f) return true;
  }
  return false;
}

/* A text of 1 to `limit` characters, none of them a control character. */
static inline check check_text(check of, int32_t limit) {
  if (json_is_missing(of.value)) return of;
  text value = json_text(of.value);
  if (value.size > 0 && text_length(value) <= (uint32_t)limit && !ocp_has_control(value)) return of;
  return check_refuse(of,
                      text_join(TEXT("allowed is a text of 1 to "), text_of(limit), TEXT(" characters on one line")));
}

/* A text of 1 to `limit` characters that may have several lines. */
static inline check check_lines(check of, int32_t limit) {
  text value = json_text(of.value);
  if (json_is_missing(of.value) || (value.size > 0 && text_length(value) <= (uint32_t)limit)) return of;
  return check_refuse(of, text_join(TEXT("allowed is a text of 1 to "), text_of(limit), TEXT(" characters")));
}

/* A text, or a list of them. */
static inline check check_texts(check of, int32_t limit) {
  if (!json_is_list(of.value)) return check_text(of, limit);
  for (uint32_t i = 0; i < json_length(of.value); i++) check_text(check_at(of, i), limit);
  return of;
}

static inline check ocp_check_one_of(check of, const text *allowed, uint32_t count) {
  if (json_is_missing(of.value)) return of;
  text list = EMPTY;
  for (uint32_t i = 0; i < count; i++) {
    if (json_is_text(of.value) && text_equal(json_text(of.value), allowed[i])) return of;
    list = i == 0 ? allowed[i] : text_join(list, TEXT(", "), allowed[i]);
  }
  return check_refuse(of, text_join(TEXT("allowed are "), list));
}

/* One of these texts: check_one_of(of, TEXT("a"), TEXT("b")). */
#define check_one_of(of, ...) ocp_check_one_of(of, OCP_TEXTS(__VA_ARGS__))

static inline check ocp_check_any_of(check of, const text *allowed, uint32_t count) {
  if (!json_is_list(of.value)) return ocp_check_one_of(of, allowed, count);
  for (uint32_t i = 0; i < json_length(of.value); i++) ocp_check_one_of(check_at(of, i), allowed, count);
  return of;
}

/* One of these texts, or a list of them. */
#define check_any_of(of, ...) ocp_check_any_of(of, OCP_TEXTS(__VA_ARGS__))

static inline check check_bool(check of) {
  if (json_is_missing(of.value) || of.value->kind == JSON_BOOL) return of;
  return check_refuse(of, TEXT("allowed are true and false"));
}

/* A whole number within the range, both ends included. */
static inline check check_integer(check of, int32_t from, int32_t to) {
  if (json_is_missing(of.value)) return of;
  int32_t number = json_integer(of.value, INT32_MIN);
  if (number >= from && number <= to) return of;
  return check_refuse(
      of, text_join(TEXT("allowed is a whole number from "), text_of(from), TEXT(" to "), text_of(to)));
}

#endif
