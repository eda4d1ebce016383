/*
 * The message, read by range where the host keeps it, and the edits that are proposed for it. Stage `message` only.
 *
 * Offsets and indexes are those of the message as it was when the call began, however many edits were proposed. Edits
 * are applied all together when the call succeeds; edits that overlap make it a failure.
 */
#ifndef OCP_SMTP_MESSAGE_H
#define OCP_SMTP_MESSAGE_H

#include "extism.h"

/* Octets. */
static inline uint32_t message_size(void) {
  return ocp_must(ocp_message_size(), TEXT("tell the size of the message"), EMPTY);
}

/* Fills `buffer` from `offset`; gives the octets copied, fewer at the end, 0 past it. */
static inline uint32_t message_read(uint32_t offset, void *buffer, uint32_t size) {
  return ocp_must(ocp_message_read(offset, buffer, size), TEXT("read the message"), EMPTY);
}

static inline uint32_t message_header_count(void) {
  return ocp_must(ocp_header_count(), TEXT("count the header fields"), EMPTY);
}

/* The index of the `nth` (from 0) field of that name, case ignored; -1 if there is none. */
static inline int32_t message_header_find(text name, uint32_t nth) {
  int32_t index = ocp_header_find(name.at, name.size, nth);
  return index == OCP_NOT_FOUND ? -1 : (int32_t)ocp_must(index, TEXT("find the header "), name);
}

static inline text message_header_name(uint32_t index) {
  uint32_t room = 128;
  char *octets = take(room);
  uint32_t size = ocp_must(ocp_header_name(index, octets, room), TEXT("read a header name"), EMPTY);
  if (size > room) {
    octets = take(size);
    ocp_header_name(index, octets, size);
  }
  return text_clean((text){octets, size});
}

/* The value, unfolded; encoded words (RFC 2047) as they are. */
static inline text message_header_value(uint32_t index) {
  uint32_t room = 512;
  char *octets = take(room);
  uint32_t size = ocp_must(ocp_header_value(index, octets, room), TEXT("read a header value"), EMPTY);
  if (size > room) {
    octets = take(size);
    ocp_header_value(index, octets, size);
  }
  return text_clean((text){octets, size});
}

/* Adds a field after the last. */
static inline void message_header_add(text name, text value) {
  ocp_must(ocp_header_add(name.at, name.size, value.at, value.size), TEXT("add the header "), name);
}

/* Adds a field before field `index`; 0 puts it at the top. */
static inline void message_header_insert(uint32_t index, text name, text value) {
  ocp_must(ocp_header_insert(index, name.at, name.size, value.at, value.size), TEXT("insert the header "), name);
}

static inline void message_header_change(uint32_t index, text value) {
  ocp_must(ocp_header_change(index, value.at, value.size), TEXT("change a header"), EMPTY);
}

static inline void message_header_remove(uint32_t index) {
  ocp_must(ocp_header_remove(index), TEXT("remove a header"), EMPTY);
}

/* Replaces `remove` octets at `offset`. Lines end in CRLF; a bare CR or LF is refused. */
static inline void message_splice(uint32_t offset, uint32_t remove, text octets) {
  ocp_must(ocp_splice(offset, remove, octets.at, octets.size), TEXT("change the message"), EMPTY);
}

#endif
