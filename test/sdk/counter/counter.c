/* Counts its calls in a variable, for `reuse.test.ts`; traps, or answers nonsense, for clients that say so. */
#include "ocp_smtp.h"

static int32_t calls = 0;

int on_helo(void) {
  decision answer = {0};
  calls += 1;
  if (text_equal(facts_helo(), TEXT("trap"))) __builtin_trap();
  if (text_equal(facts_helo(), TEXT("nothing"))) return 0;
  log_info(text_join(text_of(calls), TEXT(" "), facts_helo(), TEXT(" "), json_text(json_get(settings(), TEXT("name")))));
  return decide(&answer);
}
