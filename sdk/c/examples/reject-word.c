/* Rejects mail whose text has a word, in upper or lower case, wherever one read ends and the next begins. */
#include "ocp_smtp.h"

int configure(void) {
  check all = check_settings(TEXT("word"));
  check_text(check_required(check_get(all, TEXT("word")), TEXT("required is a text")), 100);
  return configured(check_problem(all));
}

int on_message(void) {
  decision answer = {0};
  text word = fold_case(json_text(json_get(settings(), TEXT("word"))));
  uint32_t count = part_count();
  for (uint32_t i = 0; i < count; i++) {
    part one = part_at(i);
    if (!text_starts(part_type(one), TEXT("text/")) || !part_says(one, word)) continue;
    decision_reject(&answer, 550, TEXT("5.7.1"), text_join(TEXT("no mail about "), word, TEXT(" here")));
    decision_reason(&answer, text_join(TEXT("part "), text_of((int32_t)i), TEXT(" says "), quote(word)));
    break;
  }
  return decide(&answer);
}
