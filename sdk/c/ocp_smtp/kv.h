/*
 * Values and counters that this service keeps from one message to the next, as far as the operator grants it (capability
 * `kv`). A change is on disk when the call returns, and atomic. `expires` is in seconds; 0: never.
 */
#ifndef OCP_SMTP_KV_H
#define OCP_SMTP_KV_H

#include "answer.h"

/* Whether the operator grants it; without that the other calls end the call. For what the manifest has as optional. */
static inline bool kv_is_granted(void) { return ocp_is_granted(TEXT("kv")); }

/* A value with what is known of it. */
typedef struct {
  text value;
  /* A number that no other value of any key ever has. */
  int64_t revision;
  /* In how many seconds it is gone; 0: never. */
  int64_t expires;
} kv_entry;

static inline json_writer ocp_kv_members(text op, text key) {
  json_writer members = {0};
  write_text_member(&members, TEXT("op"), op);
  write_text_member(&members, TEXT("key"), key);
  return members;
}

static inline int32_t ocp_kv_ask(const json_writer *members, const text *value) {
  text question = ocp_question(members, value);
  return ocp_kv(question.at, question.size);
}

static inline ocp_answer ocp_kv_checked(int32_t size, text key) {
  if (size < 0) ocp_refused(size, TEXT("use the key "), quote(key));
  return ocp_read_answer((uint32_t)size);
}

/* Full, as the grant bounds it, or out of order. */
static inline bool ocp_kv_trouble(int32_t size) { return size == OCP_LIMIT || size == OCP_UNAVAILABLE; }

static inline int32_t ocp_kv_ask_get(text key) {
  json_writer members = ocp_kv_members(TEXT("get"), key);
  return ocp_kv_ask(&members, NULL);
}

static inline bool ocp_kv_entry_from(int32_t size, text key, kv_entry *entry) {
  *entry = (kv_entry){EMPTY, 0, 0};
  if (size == OCP_NOT_FOUND) return false;
  ocp_answer answer = ocp_kv_checked(size, key);
  *entry = (kv_entry){
      answer.octets,
      ocp_answer_integer(answer, TEXT("revision")),
      ocp_answer_integer(answer, TEXT("expires")),
  };
  return true;
}

/* Whether there is such a key; what it has goes to `*entry`. */
static inline bool kv_get_entry(text key, kv_entry *entry) {
  return ocp_kv_entry_from(ocp_kv_ask_get(key), key, entry);
}

/*
 * The `kv_try_…` functions give false where the store is full, as the grant bounds it, or out of order; the others end the call
 * there. This one leaves the revision 0 if there is no such key.
 */
static inline bool kv_try_get_entry(text key, kv_entry *entry) {
  int32_t size = ocp_kv_ask_get(key);
  if (ocp_kv_trouble(size)) return false;
  ocp_kv_entry_from(size, key, entry);
  return true;
}

/* Whether there is such a key; its value goes to `*value`. */
static inline bool kv_get(text key, text *value) {
  kv_entry entry;
  if (!kv_get_entry(key, &entry)) return false;
  *value = entry.value;
  return true;
}

/* Empty if there is none. */
static inline text kv_get_text(text key) {
  text value = EMPTY;
  kv_get(key, &value);
  return value;
}

static inline void ocp_kv_expiry(json_writer *members, int32_t expires) {
  if (expires != 0) write_member(members, TEXT("expires"), text_of(expires));
}

static inline int32_t ocp_kv_ask_put(text key, text value, int32_t expires) {
  json_writer members = ocp_kv_members(TEXT("put"), key);
  ocp_kv_expiry(&members, expires);
  return ocp_kv_ask(&members, &value);
}

static inline void kv_put(text key, text value, int32_t expires) {
  ocp_kv_checked(ocp_kv_ask_put(key, value, expires), key);
}

static inline bool kv_try_put(text key, text value, int32_t expires) {
  int32_t size = ocp_kv_ask_put(key, value, expires);
  if (ocp_kv_trouble(size)) return false;
  ocp_kv_checked(size, key);
  return true;
}

static inline int32_t ocp_kv_ask_replace(text key, text value, int64_t revision, int32_t expires) {
  json_writer members = ocp_kv_members(TEXT("put"), key);
  write_member(&members, TEXT("revision"), text_of(revision));
  ocp_kv_expiry(&members, expires);
  return ocp_kv_ask(&members, &value);
}

static inline bool ocp_kv_stored(int32_t size, text key) {
  return json_bool(json_get(ocp_kv_checked(size, key).fields, TEXT("stored")), false);
}

/* Puts a value in the place of the one with this revision, 0 of none; false if another is there by now. */
static inline bool kv_replace(text key, text value, int64_t revision, int32_t expires) {
  return ocp_kv_stored(ocp_kv_ask_replace(key, value, revision, expires), key);
}

/* The same; what it comes to goes to `*stored`. */
static inline bool kv_try_replace(text key, text value, int64_t revision, int32_t expires, bool *stored) {
  int32_t size = ocp_kv_ask_replace(key, value, revision, expires);
  if (ocp_kv_trouble(size)) return false;
  *stored = ocp_kv_stored(size, key);
  return true;
}

static inline int32_t ocp_kv_ask_increment(text key, int64_t by, int32_t expires) {
  json_writer members = ocp_kv_members(TEXT("increment"), key);
  write_member(&members, TEXT("by"), text_of(by));
  ocp_kv_expiry(&members, expires);
  return ocp_kv_ask(&members, NULL);
}

static inline int64_t ocp_kv_sum(int32_t size, text key) {
  return ocp_answer_integer(ocp_kv_checked(size, key), TEXT("value"));
}

/* Adds to a number in decimal digits, and gives the sum. `expires` is for one that was not there before. */
static inline int64_t kv_increment(text key, int64_t by, int32_t expires) {
  return ocp_kv_sum(ocp_kv_ask_increment(key, by, expires), key);
}

/* The same; the sum goes to `*sum`. */
static inline bool kv_try_increment(text key, int64_t by, int32_t expires, int64_t *sum) {
  int32_t size = ocp_kv_ask_increment(key, by, expires);
  if (ocp_kv_trouble(size)) return false;
  *sum = ocp_kv_sum(size, key);
  return true;
}

/* Whether there was one. */
static inline bool kv_remove(text key) {
  json_writer members = ocp_kv_members(TEXT("delete"), key);
  return json_bool(json_get(ocp_kv_checked(ocp_kv_ask(&members, NULL), key).fields, TEXT("deleted")), false);
}

#endif
