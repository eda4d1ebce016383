/*
 * A strict reader for JSON (RFC 8259) whose shape is not known beforehand: settings, facts, part facts.
 *
 * `json_parse` gives NULL for anything that is not exactly one JSON text, or that nests deeper than 64. Reading a value
 * never fails: what is missing or of another kind gives the fallback, so a chain of `json_get` is safe. Of two members
 * with one name the last counts.
 */
#ifndef OCP_SMTP_JSON_H
#define OCP_SMTP_JSON_H

#include "text.h"

typedef enum { JSON_MISSING, JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_TEXT, JSON_LIST, JSON_OBJECT } json_kind;

typedef struct json json;
struct json {
  json_kind kind;
  /* The text of a string, or a number or literal as written. */
  text raw;
  /* Of a member of an object. */
  text name;
  /* Items of a list or members of an object, in the order written; 0 for anything else. */
  uint32_t length;
  json **items;
  json *next;
};

static const json ocp_missing = {0};

static inline bool json_is_missing(const json *of) { return of->kind == JSON_MISSING; }
static inline bool json_is_text(const json *of) { return of->kind == JSON_TEXT; }
static inline bool json_is_list(const json *of) { return of->kind == JSON_LIST; }
static inline bool json_is_object(const json *of) { return of->kind == JSON_OBJECT; }
static inline uint32_t json_length(const json *of) { return of->length; }

/* The member of that name. */
static inline const json *json_get(const json *of, text name) {
  if (of->kind != JSON_OBJECT) return &ocp_missing;
  for (uint32_t i = of->length; i > 0; i--) {
    if (text_equal(of->items[i - 1]->name, name)) return of->items[i - 1];
  }
  return &ocp_missing;
}

/* The item of a list, or the value of an object's member. */
static inline const json *json_at(const json *of, uint32_t index) {
  return index < of->length ? of->items[index] : &ocp_missing;
}

/* The name of an object's member. */
static inline text json_name_at(const json *of, uint32_t index) { return json_at(of, index)->name; }

/* Empty for anything but a text. */
static inline text json_text(const json *of) { return of->kind == JSON_TEXT ? of->raw : EMPTY; }

static inline text json_text_or(const json *of, text fallback) { return of->kind == JSON_TEXT ? of->raw : fallback; }

static inline bool json_bool(const json *of, bool fallback) {
  return of->kind == JSON_BOOL ? of->raw.at[0] == 't' : fallback;
}

/* A whole number within 32 bits; the fallback for any other. */
static inline int32_t json_integer(const json *of, int32_t fallback) {
  if (of->kind != JSON_NUMBER) return fallback;
  bool negative = of->raw.at[0] == '-';
  int64_t value = 0;
  for (uint32_t i = negative ? 1 : 0; i < of->raw.size; i++) {
    int32_t digit = of->raw.at[i] - '0';
    if (digit < 0 || digit > 9) return fallback;
    value = value * 10 + digit;
    if (value > INT32_MAX) return fallback;
  }
  return (int32_t)(negative ? -value : value);
}

/* Exact for up to 15 digits, and near for more. */
static inline double json_number(const json *of, double fallback) {
  if (of->kind != JSON_NUMBER) return fallback;
  text raw = of->raw;
  uint32_t at = raw.at[0] == '-' ? 1 : 0;
  double value = 0;
  int32_t scale = 0;
  bool fraction = false;
  for (; at < raw.size && (raw.at[at] | 0x20) != 'e'; at++) {
    if (raw.at[at] == '.') {
      fraction = true;
      continue;
    }
    value = value * 10 + (raw.at[at] - '0');
    if (fraction) scale--;
  }
  if (at < raw.size) {
    bool negative = raw.at[++at] == '-';
    if (negative || raw.at[at] == '+') at++;
    int32_t exponent = 0;
    for (; at < raw.size && exponent < 1000; at++) exponent = exponent * 10 + (raw.at[at] - '0');
    scale += negative ? -exponent : exponent;
  }
  double power = 1;
  for (int32_t i = scale < 0 ? -scale : scale; i > 0 && power < 1e300; i--) power *= 10;
  value = scale < 0 ? value / power : value * power;
  return raw.at[0] == '-' ? -value : value;
}

#include "json_reader.h"

#endif
