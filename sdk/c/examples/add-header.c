/* Adds a header field whose name and value are the operator's, and says in a tag what the mail is about. */
#include "ocp_smtp.h"

int configure(void) {
  check all = check_settings(TEXT("name"), TEXT("value"));
  check_text(check_get(all, TEXT("name")), 60);
  check_text(check_get(all, TEXT("value")), 500);
  return configured(check_problem(all));
}

int on_message(void) {
  decision answer = {0};
  text name = json_text_or(json_get(settings(), TEXT("name")), TEXT("X-Scanned-By"));
  text value = json_text_or(json_get(settings(), TEXT("value")), TEXT("Postern"));
  message_header_add(name, value);
  int32_t subject = message_header_find(TEXT("Subject"), 0);
  if (subject >= 0) decision_tag(&answer, TEXT("subject"), message_header_value((uint32_t)subject));
  return decide(&answer);
}
