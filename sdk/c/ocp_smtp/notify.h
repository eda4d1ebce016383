/*
 * Notices by mail, at stage `message`, and incidents, at every stage, as far as the operator grants them (capability `notify`).
 * They are proposed like an edit: nothing comes of them if the call fails, or if its service is in `monitor`. False: not allowed,
 * or more than a call may propose; that does not end the call. Control characters become spaces, and what is too long is cut.
 */
#ifndef OCP_SMTP_NOTIFY_H
#define OCP_SMTP_NOTIFY_H

#include "answer.h"

/* Whether the operator grants any of it. For what the manifest has as optional. */
static inline bool notify_is_granted(void) { return ocp_is_granted(TEXT("notify")); }

static inline bool ocp_notify_propose(const json_writer *members, const text *content, text what, text which) {
  text question = ocp_question(members, content);
  int32_t result = ocp_notify(question.at, question.size);
  if (result == OCP_DENIED || result == OCP_LIMIT) return false;
  ocp_must(result, what, which);
  return true;
}

/* `to` is `sender`, `recipients` or `postmaster`: for those that a setting names. */
static inline bool notify_notice(text to, text subject, text content) {
  json_writer members = {0};
  write_text_member(&members, TEXT("kind"), TEXT("notice"));
  write_text_member(&members, TEXT("to"), to);
  write_text_member(&members, TEXT("subject"), subject);
  return ocp_notify_propose(&members, &content, TEXT("give notice to "), quote(to));
}

static inline bool notify_sender(text subject, text content) {
  return notify_notice(TEXT("sender"), subject, content);
}

/* Each of the recipients that this service is asked about. */
static inline bool notify_recipients(text subject, text content) {
  return notify_notice(TEXT("recipients"), subject, content);
}

static inline bool notify_postmaster(text subject, text content) {
  return notify_notice(TEXT("postmaster"), subject, content);
}

/*
 * `severity` is `info`, `notice`, `warning`, `error` or `critical`, `event` what happened, as a program finds it: `virus-found`.
 * `fields` has the members of an object, written with `write_text_member`; it may be NULL.
 */
static inline bool notify_incident(text severity, text event, text content, const json_writer *fields) {
  json_writer members = {0};
  write_text_member(&members, TEXT("kind"), TEXT("incident"));
  write_text_member(&members, TEXT("severity"), severity);
  write_text_member(&members, TEXT("event"), event);
  write_text_member(&members, TEXT("text"), content);
  if (fields != NULL) write_member(&members, TEXT("fields"), ocp_object(fields));
  return ocp_notify_propose(&members, NULL, TEXT("report the incident "), quote(event));
}

#endif
