/* What is proposed for one recipient; `decision_recipient` makes one. */
#ifndef OCP_SMTP_RECIPIENT_DECISION_H
#define OCP_SMTP_RECIPIENT_DECISION_H

#include "json_writer.h"

typedef struct recipient_decision recipient_decision;
struct recipient_decision {
  json_writer members;
  recipient_decision *next;
};

static inline void ocp_write_verdict(json_writer *members, text verdict) {
  write_text_member(members, TEXT("verdict"), verdict);
}

static inline void ocp_write_reply(json_writer *members, int32_t code, text enhanced, text why) {
  json_writer reply = {0};
  write_member(&reply, TEXT("code"), text_of(code));
  if (enhanced.size > 0) write_text_member(&reply, TEXT("enhanced"), enhanced);
  write_text_member(&reply, TEXT("text"), text_line(why, 400));
  write_member(members, TEXT("reply"), ocp_object(&reply));
}

static inline void recipient_reject(recipient_decision *of, int32_t code, text enhanced, text why) {
  ocp_write_verdict(&of->members, TEXT("reject"));
  ocp_write_reply(&of->members, code, enhanced, why);
}

static inline void recipient_tempfail(recipient_decision *of, int32_t code, text enhanced, text why) {
  ocp_write_verdict(&of->members, TEXT("tempfail"));
  ocp_write_reply(&of->members, code, enhanced, why);
}

static inline void recipient_discard(recipient_decision *of) { ocp_write_verdict(&of->members, TEXT("discard")); }

static inline void recipient_quarantine(recipient_decision *of) {
  ocp_write_verdict(&of->members, TEXT("quarantine"));
}

static inline void recipient_bounce(recipient_decision *of) { ocp_write_verdict(&of->members, TEXT("bounce")); }

/* Goes to these addresses instead; to nobody if there are none. */
static inline void recipient_replace(recipient_decision *of, const text *addresses, uint32_t count) {
  json_writer list = {0};
  for (uint32_t i = 0; i < count; i++) write_text_item(&list, addresses[i]);
  write_member(&of->members, TEXT("replace"), text_join(TEXT("["), writer_text(&list), TEXT("]")));
}

static inline void recipient_next_hop(recipient_decision *of, text name) {
  write_text_member(&of->members, TEXT("nextHop"), name);
}

static inline void recipient_folder(recipient_decision *of, text name) {
  write_text_member(&of->members, TEXT("folder"), name);
}

#endif
