/*
 * What the filter proposes: sdk/ABI.md, "Decisions". A decision of zeros is "nothing to say".
 *
 * Texts often quote what a sender chose (file names, addresses). Control characters in them become spaces and what is
 * too long is cut, so that nobody can turn a decision into a failure by the name of an attachment.
 */
#ifndef OCP_SMTP_DECISION_H
#define OCP_SMTP_DECISION_H

#include "extism.h"
#include "json_writer.h"
#include "recipient_decision.h"

typedef struct {
  json_writer members;
  json_writer added;
  json_writer tags;
  recipient_decision *first;
  recipient_decision *last;
} decision;

/* 5xx now. `enhanced` is an enhanced status code such as `5.7.1`, empty for none. */
static inline void decision_reject(decision *of, int32_t code, text enhanced, text why) {
  ocp_write_verdict(&of->members, TEXT("reject"));
  ocp_write_reply(&of->members, code, enhanced, why);
}

/* 4xx now. */
static inline void decision_tempfail(decision *of, int32_t code, text enhanced, text why) {
  ocp_write_verdict(&of->members, TEXT("tempfail"));
  ocp_write_reply(&of->members, code, enhanced, why);
}

/* 250, and the mail is dropped. */
static inline void decision_discard(decision *of) { ocp_write_verdict(&of->members, TEXT("discard")); }

/* 250, and the mail is held. */
static inline void decision_quarantine(decision *of) { ocp_write_verdict(&of->members, TEXT("quarantine")); }

/* 250, and the sender gets a non-delivery notice. */
static inline void decision_bounce(decision *of) { ocp_write_verdict(&of->members, TEXT("bounce")); }

/* Skips the services after this one. */
static inline void decision_final(decision *of) { write_member(&of->members, TEXT("final"), TEXT("true")); }

/* Closes the session after the reply. */
static inline void decision_disconnect(decision *of) { write_member(&of->members, TEXT("disconnect"), TEXT("true")); }

/* At `helo`, `mail` and `rcpt`: the value to go on with. */
static inline void decision_rewrite(decision *of, text value) {
  write_text_member(&of->members, TEXT("rewrite"), value);
}

/* At `data` and `message`: another reverse-path; an empty one is the null one. */
static inline void decision_sender(decision *of, text address) {
  write_text_member(&of->members, TEXT("sender"), address);
}

/* What is proposed for one recipient that the facts named. */
static inline recipient_decision *decision_recipient(decision *of, text address) {
  recipient_decision *single = take(sizeof(recipient_decision));
  *single = (recipient_decision){0};
  write_text_member(&single->members, TEXT("address"), address);
  if (of->last == NULL) of->first = single;
  else of->last->next = single;
  of->last = single;
  return single;
}

/* At `data` and `message`: a further recipient, not shown to the client. */
static inline void decision_add_recipient(decision *of, text address) { write_text_item(&of->added, address); }

/* The name of a configured downstream. */
static inline void decision_next_hop(decision *of, text name) {
  write_text_member(&of->members, TEXT("nextHop"), name);
}

/* Advice for the store: the folder that the message belongs in. */
static inline void decision_folder(decision *of, text name) { write_text_member(&of->members, TEXT("folder"), name); }

/* Shown to later services, and logged. */
static inline void decision_tag(decision *of, text name, text value) {
  write_text_member(&of->tags, text_line(name, 64), text_line(value, 512));
}

/* Added to what earlier services said; to six decimals. */
static inline void decision_score(decision *of, double points) {
  if (!(points > -1e9 && points < 1e9)) fail(TEXT("Cannot use a score beyond a thousand million"));
  int64_t millionths = (int64_t)(points * 1e6 + (points < 0 ? -0.5 : 0.5));
  write_member(&of->members, TEXT("score"), text_join(text_of(millionths), TEXT("e-6")));
}

/* Why, for the quarantine list and the log. */
static inline void decision_reason(decision *of, text why) {
  write_text_member(&of->members, TEXT("reason"), text_line(why, 400));
}

static inline text decision_json(const decision *of) {
  json_writer all = {0};
  write_raw(&all, writer_text(&of->members));
  if (of->first != NULL) {
    ocp_comma(&all);
    write_raw(&all, TEXT("\"recipients\":["));
    for (const recipient_decision *single = of->first; single != NULL; single = single->next) {
      if (single != of->first) write_raw(&all, TEXT(","));
      write_raw(&all, ocp_object(&single->members));
    }
    write_raw(&all, TEXT("]"));
  }
  if (of->added.size > 0) {
    write_member(&all, TEXT("addRecipients"), text_join(TEXT("["), writer_text(&of->added), TEXT("]")));
  }
  if (of->tags.size > 0) {
    write_member(&all, TEXT("tags"), ocp_object(&of->tags));
  }
  return ocp_object(&all);
}

/* Ends an `on_…` function: hands the decision to the host. */
static inline int decide(const decision *of) {
  ocp_write_output(decision_json(of));
  return 0;
}

#endif
