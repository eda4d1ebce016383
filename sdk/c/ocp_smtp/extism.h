/*
 * Extism's input, output, configuration and log. Only what is small goes this way: facts, settings, decisions and log
 * lines, eight octets a call. Message content goes through ocp_smtp_v1, a range a call.
 */
#ifndef OCP_SMTP_EXTISM_H
#define OCP_SMTP_EXTISM_H

#include "text.h"

/* Copies a text to the host, which frees it with the instance. */
static inline uint64_t ocp_to_extism(text from) {
  uint64_t block = ocp_extism_alloc(from.size);
  uint32_t at = 0;
  for (; at + 8 <= from.size; at += 8) {
    uint64_t word;
    __builtin_memcpy(&word, from.at + at, 8);
    ocp_extism_store_u64(block + at, word);
  }
  for (; at < from.size; at++) ocp_extism_store_u8(block + at, (uint8_t)from.at[at]);
  return block;
}

static inline text ocp_from_extism(uint64_t block) {
  uint32_t size = (uint32_t)ocp_extism_length(block);
  char *octets = take(size);
  uint32_t at = 0;
  for (; at + 8 <= size; at += 8) {
    uint64_t word = ocp_extism_load_u64(block + at);
    __builtin_memcpy(octets + at, &word, 8);
  }
  for (; at < size; at++) octets[at] = (char)ocp_extism_load_u8(block + at);
  return (text){octets, size};
}

static inline text ocp_read_input(void) {
  uint32_t size = (uint32_t)ocp_extism_input_length();
  char *octets = take(size);
  uint32_t at = 0;
  for (; at + 8 <= size; at += 8) {
    uint64_t word = ocp_extism_input_load_u64(at);
    __builtin_memcpy(octets + at, &word, 8);
  }
  for (; at < size; at++) octets[at] = (char)ocp_extism_input_load_u8(at);
  return (text){octets, size};
}

static inline void ocp_write_output(text output) { ocp_extism_output_set(ocp_to_extism(output), output.size); }

/* The configuration value of that name, empty if there is none. */
static inline text ocp_read_config(text name) {
  uint64_t block = ocp_extism_config_get(ocp_to_extism(name));
  return block == 0 ? EMPTY : ocp_from_extism(block);
}

/* Lines in Postern's log, under the service's name. What is over the service's log limit is dropped. */
static inline void log_debug(text line) { ocp_extism_log_debug(ocp_to_extism(line)); }
static inline void log_info(text line) { ocp_extism_log_info(ocp_to_extism(line)); }
static inline void log_warn(text line) { ocp_extism_log_warn(ocp_to_extism(line)); }
static inline void log_error(text line) { ocp_extism_log_error(ocp_to_extism(line)); }

/* Ends the call as a failure of the service, with this reason. */
__attribute__((noreturn)) static inline void fail(text reason) {
  ocp_extism_error_set(ocp_to_extism(reason));
  __builtin_trap();
}

static inline text ocp_reason_of(int32_t result) {
  switch (result) {
    case OCP_INVALID:
      return TEXT("the host found the index, the range or the text invalid");
    case OCP_NOT_FOUND:
      return TEXT("there is no such thing");
    case OCP_DENIED:
      return TEXT("not allowed by the operator (allowModify, a grant), or not at this stage");
    case OCP_LIMIT:
      return TEXT("a limit of the service, or of a grant, would be passed");
    case OCP_UNAVAILABLE:
      return TEXT("what was granted is out of order");
    default:
      return TEXT("the host gave an unknown result");
  }
}

/* An error by its name in sdk/ABI.md. */
static inline text ocp_name_of(int32_t result) {
  switch (result) {
    case OCP_NOT_FOUND:
      return TEXT("NOT_FOUND");
    case OCP_DENIED:
      return TEXT("DENIED");
    case OCP_LIMIT:
      return TEXT("LIMIT");
    case OCP_UNAVAILABLE:
      return TEXT("UNAVAILABLE");
    default:
      return TEXT("INVALID");
  }
}

/* Out of line and cold: the sentence is composed only when the call is lost anyway. */
__attribute__((noreturn, noinline, cold)) static void ocp_refused(int32_t result, text what, text which) {
  fail(text_join(TEXT("Cannot "), what, which, TEXT(": "), ocp_reason_of(result)));
}

/*
 * Gives a host call's result on, or ends the call: what the host refuses is a mistake of the filter or of its
 * configuration, and one that went on as if nothing had happened would let through what it should have changed.
 */
static inline uint32_t ocp_must(int32_t result, text what, text which) {
  if (result < 0) ocp_refused(result, what, which);
  return (uint32_t)result;
}

#endif
