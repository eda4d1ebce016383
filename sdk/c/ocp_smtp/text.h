/*
 * Texts: octets with a length, UTF-8 where they came from JSON, whatever a sender put there where they came from the
 * message. Never changed in place, so they can be passed and kept by value.
 */
#ifndef OCP_SMTP_TEXT_H
#define OCP_SMTP_TEXT_H

#include "memory.h"

typedef struct {
  const char *at;
  uint32_t size;
} text;

/* A text of a literal. */
#define TEXT(literal) ((text){"" literal, sizeof(literal) - 1})

#define EMPTY ((text){"", 0})

static inline text text_slice(text from, uint32_t start, uint32_t end) {
  if (end > from.size) end = from.size;
  if (start > end) start = end;
  return (text){from.at + start, end - start};
}

static inline bool text_equal(text a, text b) {
  if (a.size != b.size) return false;
  for (uint32_t i = 0; i < a.size; i++) {
    if (a.at[i] != b.at[i]) return false;
  }
  return true;
}

static inline bool text_starts(text whole, text start) {
  return whole.size >= start.size && text_equal(text_slice(whole, 0, start.size), start);
}

static inline bool text_ends(text whole, text end) {
  return whole.size >= end.size && text_equal(text_slice(whole, whole.size - end.size, whole.size), end);
}

/* Where `part` begins in `whole`, -1 if it does not. */
static inline int32_t text_find(text whole, text part) {
  for (uint32_t i = 0; i + part.size <= whole.size; i++) {
    if (text_equal(text_slice(whole, i, i + part.size), part)) return (int32_t)i;
  }
  return -1;
}

/* Where `octet` is in `whole` for the last time, -1 if it is not. */
static inline int32_t text_find_last(text whole, char octet) {
  for (uint32_t i = whole.size; i > 0; i--) {
    if (whole.at[i - 1] == octet) return (int32_t)i - 1;
  }
  return -1;
}

static inline text ocp_text_join(const text *texts, uint32_t count) {
  uint32_t size = 0;
  for (uint32_t i = 0; i < count; i++) size += texts[i].size;
  char *joined = take(size);
  char *to = joined;
  for (uint32_t i = 0; i < count; i++) {
    __builtin_memcpy(to, texts[i].at, texts[i].size);
    to += texts[i].size;
  }
  return (text){joined, size};
}

/* One text after the other: text_join(TEXT("it says "), word). */
#define text_join(...) ocp_text_join((text[]){__VA_ARGS__}, sizeof((text[]){__VA_ARGS__}) / sizeof(text))

/* A whole number in decimal. */
static inline text text_of(int64_t number) {
  char *digits = take(20);
  uint32_t at = 20;
  uint64_t rest = number < 0 ? 0u - (uint64_t)number : (uint64_t)number;
  do {
    digits[--at] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  if (number < 0) digits[--at] = '-';
  return (text){digits + at, 20 - at};
}

/*
 * The character at `*at`, which moves past it. What is not UTF-8 (overlong forms and surrogates included) becomes
 * U+FFFD, as the Encoding Standard has it.
 */
static inline uint32_t text_next(text from, uint32_t *at) {
  uint32_t first = (uint8_t)from.at[(*at)++];
  if (first < 0x80) return first;
  uint32_t more = first < 0xc2 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf5 ? 3 : 0;
  if (more == 0) return 0xfffd;
  uint32_t point = first & (0x3fu >> more);
  /* The second octet's range is what keeps overlong forms, surrogates and points past U+10FFFF out. */
  uint32_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  uint32_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  for (; more > 0; more--) {
    uint32_t next = *at < from.size ? (uint8_t)from.at[*at] : 0;
    if (next < low || next > high) return 0xfffd;
    (*at)++;
    point = (point << 6) | (next & 0x3f);
    low = 0x80;
    high = 0xbf;
  }
  return point;
}

/* Writes a character as UTF-8, at most 4 octets; gives how many. */
static inline uint32_t text_put(char *to, uint32_t point) {
  if (point < 0x80) {
    to[0] = (char)point;
    return 1;
  }
  uint32_t more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  static const uint8_t lead[] = {0, 0xc0, 0xe0, 0xf0};
  to[0] = (char)(lead[more] | (point >> (6 * more)));
  for (uint32_t i = 1; i <= more; i++) to[i] = (char)(0x80 | ((point >> (6 * (more - i))) & 0x3f));
  return more + 1;
}

static inline text ocp_text_head(text from, uint32_t limit, bool one_line) {
  uint32_t room = limit < from.size ? limit : from.size;
  char *head = take(room * 3 + 4);
  uint32_t size = 0;
  uint32_t units = 0;
  for (uint32_t at = 0; at < from.size && units < limit;) {
    uint32_t point = text_next(from, &at);
    if (one_line && (point < 0x20 || point == 0x7f)) point = 0x20;
    units += point < 0x10000 ? 1 : 2;
    if (units > limit) point = 0xfffd;
    size += text_put(head + size, point);
  }
  return (text){head, size};
}

/*
 * The first `limit` characters, in UTF-8 whatever they were. A character past U+FFFF counts twice, as the host counts;
 * half of one becomes U+FFFD.
 */
static inline text text_cut(text from, uint32_t limit) { return ocp_text_head(from, limit, false); }

/* The same on one line: control characters become spaces. */
static inline text text_line(text from, uint32_t limit) { return ocp_text_head(from, limit, true); }

/* All of it in UTF-8, whatever it was. */
static inline text text_clean(text from) { return text_cut(from, from.size); }

/* Characters as the host counts them: one past U+FFFF counts twice. */
static inline uint32_t text_length(text from) {
  uint32_t units = 0;
  for (uint32_t at = 0; at < from.size;) units += text_next(from, &at) < 0x10000 ? 1 : 2;
  return units;
}

#endif
