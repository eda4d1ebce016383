/*
 * Memory that grows and is never freed: an instance is thrown away after a call or a few, so nothing lives long enough. Make one
 * buffer and read into it again and again instead of taking one for each chunk.
 */
#ifndef OCP_SMTP_MEMORY_H
#define OCP_SMTP_MEMORY_H

#include "abi.h"

#define OCP_PAGE 65536u

/* Where the linker put the end of data and stack. */
extern unsigned char __heap_base;

/* Weak, so that several files of one filter share the one cursor. */
__attribute__((weak)) uint32_t ocp_heap_at = 0;

/* Octets, aligned to 8, their content undefined. Traps where the operator's memory limit is passed. */
static inline void *take(uint32_t size) {
  uint64_t start = ocp_heap_at == 0 ? (uint32_t)&__heap_base : ocp_heap_at;
  start = (start + 7) & ~(uint64_t)7;
  uint64_t end = start + size;
  uint64_t have = (uint64_t)__builtin_wasm_memory_size(0) * OCP_PAGE;
  if (end > have) {
    uint32_t pages = (uint32_t)((end - have + OCP_PAGE - 1) / OCP_PAGE);
    if (__builtin_wasm_memory_grow(0, pages) == (size_t)-1) __builtin_trap();
  }
  ocp_heap_at = (uint32_t)end;
  return (void *)(uint32_t)start;
}

/* The compiler makes these calls for copies and comparisons that it does not inline. */
__attribute__((weak)) void *memcpy(void *restrict to, const void *restrict from, size_t size) {
  return __builtin_memcpy(to, from, size);
}
__attribute__((weak)) void *memmove(void *to, const void *from, size_t size) {
  return __builtin_memmove(to, from, size);
}
__attribute__((weak)) void *memset(void *to, int octet, size_t size) { return __builtin_memset(to, octet, size); }

#endif
