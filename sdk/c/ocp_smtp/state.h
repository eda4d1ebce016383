/*
 * What this service remembers from one call of a transaction to a later one, at most 64 KiB in all. It ends with the
 * transaction; what is set before MAIL lasts for the session.
 */
#ifndef OCP_SMTP_STATE_H
#define OCP_SMTP_STATE_H

#include "extism.h"
#include "json_writer.h"

/* Whether there is such a key; its value goes to `*value`. */
static inline bool state_get(text key, text *value) {
  uint32_t room = 256;
  char *octets = take(room);
  int32_t found = ocp_state_get(key.at, key.size, octets, room);
  if (found == OCP_NOT_FOUND) return false;
  if (found < 0) ocp_refused(found, TEXT("read the state "), quote(key));
  uint32_t size = (uint32_t)found;
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
  int32_t result = ocp_state_set(key.at, key.size, value.at, value.size);
  if (result < 0) ocp_refused(result, TEXT("keep the state "), quote(key));
}

#endif
