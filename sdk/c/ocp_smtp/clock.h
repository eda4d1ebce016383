/* The time of day, as far as the operator grants it (capability `clock`). */
#ifndef OCP_SMTP_CLOCK_H
#define OCP_SMTP_CLOCK_H

#include "answer.h"

/* Milliseconds since the epoch. */
static inline int64_t clock_now(void) {
  uint32_t size = ocp_must(ocp_clock("{}", 2), TEXT("tell the time"), EMPTY);
  return ocp_answer_integer(ocp_read_answer(size), TEXT("ms"));
}

#endif
