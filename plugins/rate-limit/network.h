/* Client addresses as networks: all clients whose first bits are the same count as one. */
#ifndef RATE_LIMIT_NETWORK_H
#define RATE_LIMIT_NETWORK_H

#include "ocp_smtp.h"

static bool parse_v4(text from, uint8_t *octets) {
  uint32_t at = 0;
  for (int i = 0; i < 4; i++) {
    uint32_t value = 0;
    uint32_t start = at;
    for (; at < from.size && from.at[at] >= '0' && from.at[at] <= '9'; at++) value = value * 10 + (uint8_t)(from.at[at] - '0');
    if (at == start || at > start + 3 || value > 255) return false;
    octets[i] = (uint8_t)value;
    if (i < 3 && (at == from.size || from.at[at++] != '.')) return false;
  }
  return at == from.size;
}

static int32_t hex_digit(char octet) {
  char folded = fold_octet(octet);
  if (folded >= '0' && folded <= '9') return folded - '0';
  return folded >= 'a' && folded <= 'f' ? folded - 'a' + 10 : -1;
}

/* RFC 4291 section 2.2; what is before the gap `::` begins the address, what is after it ends it. */
static bool parse_v6(text from, uint8_t octets[16]) {
  uint8_t found[16] = {0};
  uint32_t size = 0;
  uint32_t gap = 16;
  for (uint32_t at = 0; at < from.size;) {
    if (from.at[at] == ':') {
      bool is_gap = at + 1 < from.size && from.at[at + 1] == ':';
      if (is_gap) gap = size;
      at += is_gap ? 2 : 1;
      continue;
    }
    if (size > 14) return false;
    uint32_t start = at;
    uint32_t value = 0;
    for (; at < from.size && hex_digit(from.at[at]) >= 0; at++) value = value << 4 | (uint32_t)hex_digit(from.at[at]);
    if (at < from.size && from.at[at] == '.') {
      if (size > 12 || !parse_v4(text_slice(from, start, from.size), found + size)) return false;
      size += 4;
      break;
    }
    if (at == start || at > start + 4) return false;
    found[size++] = (uint8_t)(value >> 8);
    found[size++] = (uint8_t)value;
  }
  if (gap == 16) gap = size;
  __builtin_memset(octets, 0, 16);
  __builtin_memcpy(octets, found, gap);
  __builtin_memcpy(octets + 16 - (size - gap), found + gap, size - gap);
  return true;
}

/* The first bits of an address in hexadecimal: `v4 c0000200/24`. What is no address is a network of its own. */
static text network_of(text address, uint32_t v4_bits, uint32_t v6_bits) {
  /* Of an IPv4-mapped address (RFC 4291 section 2.5.5.2). */
  text mapped = TEXT("\0\0\0\0\0\0\0\0\0\0\xff\xff");
  uint8_t octets[16];
  int32_t zone = text_find(address, TEXT("%"));
  text bare = zone < 0 ? address : text_slice(address, 0, (uint32_t)zone);
  bool is_v4 = parse_v4(bare, octets);
  if (!is_v4 && !parse_v6(bare, octets)) return address;
  if (!is_v4 && text_equal((text){(const char *)octets, 12}, mapped)) {
    is_v4 = true;
    __builtin_memcpy(octets, octets + 12, 4);
  }
  uint32_t bits = is_v4 ? v4_bits : v6_bits;
  uint32_t count = is_v4 ? 4 : 16;
  char *digits = take(count * 2);
  for (uint32_t i = 0; i < count; i++) {
    uint32_t kept = bits > i * 8 ? bits - i * 8 : 0;
    uint8_t octet = kept >= 8 ? octets[i] : (uint8_t)(octets[i] & ~(0xffu >> kept));
    digits[i * 2] = "0123456789abcdef"[octet >> 4];
    digits[i * 2 + 1] = "0123456789abcdef"[octet & 15];
  }
  return text_join(is_v4 ? TEXT("v4 ") : TEXT("v6 "), ((text){digits, count * 2}), TEXT("/"), text_of(bits));
}

#endif
