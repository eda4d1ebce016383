/* Refuses mail whose text says a word, and marks what it lets through. */
#include "ocp_smtp.h"

#define CHUNK 4096u

/* Asked once, when the service is loaded: what it says of the settings is what the operator reads. */
int configure(void) {
  check all = check_settings(TEXT("word"));
  check_text(check_required(check_get(all, TEXT("word")), TEXT("required is a text")), 100);
  return configured(check_problem(all));
}

static bool says(part of, text word, char *buffer) {
  uint32_t kept = 0;
  uint32_t offset = 0;
  for (uint32_t size; (size = part_read(of, offset, buffer + kept, CHUNK)) > 0; offset += size) {
    for (uint32_t i = kept; i < kept + size; i++) buffer[i] = fold_octet(buffer[i]);
    text window = {buffer, kept + size};
    if (text_find(window, word) >= 0) return true;
    /* The word may straddle two reads: its length less one stays for the next. */
    kept = word.size - 1 < window.size ? word.size - 1 : window.size;
    __builtin_memmove(buffer, buffer + window.size - kept, kept);
  }
  return false;
}

/* Asked about each message. */
int on_message(void) {
  decision answer = {0};
  text word = fold_case(json_text(json_get(settings(), TEXT("word"))));
  char *buffer = take(CHUNK + word.size);
  uint32_t count = part_count();
  for (uint32_t i = 0; i < count; i++) {
    part one = part_at(i);
    if (!text_starts(part_type(one), TEXT("text/")) || !says(one, word, buffer)) continue;
    decision_reject(&answer, 550, TEXT("5.7.1"), text_join(TEXT("no mail about "), word, TEXT(" here")));
    decision_reason(&answer, text_join(TEXT("part "), text_of((int32_t)i), TEXT(" says "), quote(word)));
    return decide(&answer);
  }
  message_header_add(TEXT("X-Checked-By"), TEXT("{{name}}"));
  return decide(&answer);
}
