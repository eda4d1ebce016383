/* Puts a text in the place of every attachment whose name has one of these extensions. */
#include "ocp_smtp.h"

int configure(void) {
  check all = check_settings(TEXT("extensions"));
  check_texts(check_get(all, TEXT("extensions")), 20);
  return configured(check_problem(all));
}

static bool refuses(text name) {
  const json *extensions = json_get(settings(), TEXT("extensions"));
  text extension = fold_case(text_slice(name, (uint32_t)(text_find_last(name, '.') + 1), name.size));
  if (json_is_missing(extensions)) return text_equal(extension, TEXT("exe"));
  for (uint32_t i = 0; i < json_length(extensions); i++) {
    if (text_equal(extension, fold_case(json_text(json_at(extensions, i))))) return true;
  }
  return json_is_text(extensions) && text_equal(extension, fold_case(json_text(extensions)));
}

int on_message(void) {
  decision answer = {0};
  int32_t replaced = INT32_MAX;
  uint32_t count = part_count();
  for (uint32_t i = 0; i < count; i++) {
    part one = part_at(i);
    /* What is inside a part that goes, goes with it. */
    if (part_depth(one) > replaced) continue;
    replaced = INT32_MAX;
    text name = part_name(one);
    if (name.size == 0 || !refuses(name)) continue;
    text notice = text_join(TEXT("The attachment "), quote(name), TEXT(" was removed.\r\n"));
    part_replace(one, TEXT("text/plain; charset=utf-8"), notice);
    replaced = part_depth(one);
    decision_tag(&answer, TEXT("attachment"), name);
    decision_reason(&answer, text_join(TEXT("removed "), name));
    decision_score(&answer, 2.5);
  }
  return decide(&answer);
}
