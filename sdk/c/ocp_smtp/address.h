#ifndef OCP_SMTP_ADDRESS_H
#define OCP_SMTP_ADDRESS_H

#include "text.h"

/* What is after the last `@`, empty if there is none (`postmaster`, the null reverse-path). */
static inline text domain_of(text address) {
  int32_t at = text_find_last(address, '@');
  return at < 0 ? EMPTY : text_slice(address, (uint32_t)at + 1, address.size);
}

/* What is before the last `@`. */
static inline text local_part_of(text address) {
  int32_t at = text_find_last(address, '@');
  return at < 0 ? address : text_slice(address, 0, (uint32_t)at);
}

/* Lower case for an ASCII letter, the rest as it is. */
static inline char fold_octet(char octet) { return octet >= 'A' && octet <= 'Z' ? (char)(octet + 0x20) : octet; }

/* Lower case for ASCII letters, the rest as it is: what domains compare by (RFC 5321 section 2.4). */
static inline text fold_case(text from) {
  char *folded = take(from.size);
  for (uint32_t i = 0; i < from.size; i++) folded[i] = fold_octet(from.at[i]);
  return (text){folded, from.size};
}

#endif
