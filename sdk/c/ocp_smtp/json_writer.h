/* Composes JSON. A writer of zeros is an empty one; it grows with what is put into it. */
#ifndef OCP_SMTP_JSON_WRITER_H
#define OCP_SMTP_JSON_WRITER_H

#include "text.h"

typedef struct {
  char *at;
  uint32_t size;
  uint32_t room;
} json_writer;

static inline text writer_text(const json_writer *writer) { return (text){writer->at, writer->size}; }

/* Room for `more` octets after what is there. */
static inline char *ocp_room(json_writer *writer, uint32_t more) {
  if (writer->room - writer->size < more) {
    uint32_t room = writer->room * 2 + more + 64;
    char *larger = take(room);
    __builtin_memcpy(larger, writer->at, writer->size);
    writer->at = larger;
    writer->room = room;
  }
  return writer->at + writer->size;
}

/* Octets as they are. */
static inline void write_raw(json_writer *writer, text octets) {
  __builtin_memcpy(ocp_room(writer, octets.size), octets.at, octets.size);
  writer->size += octets.size;
}

/* A JSON string, quotes included (RFC 8259 section 7). What is not UTF-8 becomes U+FFFD. */
static inline void write_quoted(json_writer *writer, text value) {
  write_raw(writer, TEXT("\""));
  for (uint32_t at = 0; at < value.size;) {
    uint32_t point = text_next(value, &at);
    char *to = ocp_room(writer, 6);
    if (point == '"' || point == '\\') {
      to[0] = '\\';
      to[1] = (char)point;
      writer->size += 2;
    } else if (point < 0x20 || point == 0x7f) {
      static const char hex[] = "0123456789abcdef";
      __builtin_memcpy(to, "\\u00", 4);
      to[4] = hex[point >> 4];
      to[5] = hex[point & 15];
      writer->size += 6;
    } else {
      writer->size += text_put(to, point);
    }
  }
  write_raw(writer, TEXT("\""));
}

/* A JSON string of the text, quotes included. */
static inline text quote(text value) {
  json_writer quoted = {0};
  write_quoted(&quoted, value);
  return writer_text(&quoted);
}

static inline void ocp_comma(json_writer *writer) {
  if (writer->size > 0) write_raw(writer, TEXT(","));
}

/* A member of an object whose value is JSON already. */
static inline void write_member(json_writer *writer, text name, text value) {
  ocp_comma(writer);
  write_quoted(writer, name);
  write_raw(writer, TEXT(":"));
  write_raw(writer, value);
}

/* A member of an object whose value is a text. */
static inline void write_text_member(json_writer *writer, text name, text value) {
  ocp_comma(writer);
  write_quoted(writer, name);
  write_raw(writer, TEXT(":"));
  write_quoted(writer, value);
}

/* The members of an object, as JSON. */
static inline text ocp_object(const json_writer *members) {
  return text_join(TEXT("{"), writer_text(members), TEXT("}"));
}

/* An item of a list. */
static inline void write_text_item(json_writer *writer, text value) {
  ocp_comma(writer);
  write_quoted(writer, value);
}

#endif
