/*
 * What this service remembers from one call of a transaction to a later one, at most 64 KiB in all. It ends with the
 * transaction; what is set before MAIL lasts for the session.
 */
#ifndef OCP_SMTP_STATE_H
#define OCP_SMTP_STATE_H

#include "extism.h"

/* Whether there is such a key; its value goes to `*value`. */
static inline bool state_get(text key, text *value) {
  uint32_t room = 256;
  char *octets = take(room);
  int32_t found = ocp_state_get(key.at, key.size, octets, room);
  if (found == OCP_NOT_FOUND) return false;
  uint32_t size = ocp_must(found, TEXT("read the state "), key);
  if (size > room) {
    octets = take(size);
    ocp_state_get(key.at, key.size, octets, size);
  }
  *value = (text){octets, size};
  return true;
}

/* Empty if there is none. */
static inline text state_get_text(text key) {
  text value = EMPTY;
  state_get(key, &value);
  return value;
}

static inline void state_set(text key, text value) {
  ocp_must(ocp_state_set(key.at, key.size, value.at, value.size), TEXT("keep the state "), key);
}

#endif
