/* The time of day, as far as the operator grants it (capability `clock`). */
#ifndef OCP_SMTP_CLOCK_H
#define OCP_SMTP_CLOCK_H

#include "answer.h"

/* Whether the operator grants it; without that `clock_now` ends the call. For what the manifest has as optional. */
static inline bool clock_is_granted(void) { return ocp_is_granted(TEXT("clock")); }

/* Milliseconds since the epoch. */
static inline int64_t clock_now(void) {
  uint32_t size = ocp_must(ocp_clock("{}", 2), TEXT("tell the time"), EMPTY);
  return ocp_answer_integer(ocp_read_answer(size), TEXT("ms"));
}

#endif
