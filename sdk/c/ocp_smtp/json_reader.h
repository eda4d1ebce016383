/* The parser behind `json_parse`; part of json.h, which says what it accepts. */
#ifndef OCP_SMTP_JSON_READER_H
#define OCP_SMTP_JSON_READER_H

#define OCP_JSON_DEPTH 64

typedef struct {
  text octets;
  uint32_t at;
} ocp_reader;

/* The octet at the cursor, -1 at the end. */
static inline int32_t ocp_peek(const ocp_reader *reader) {
  return reader->at < reader->octets.size ? (uint8_t)reader->octets.at[reader->at] : -1;
}

static inline bool ocp_take(ocp_reader *reader, char octet) {
  if (ocp_peek(reader) != octet) return false;
  reader->at++;
  return true;
}

static inline void ocp_skip_space(ocp_reader *reader) {
  for (int32_t next = ocp_peek(reader); next == ' ' || next == '\n' || next == '\r' || next == '\t';) {
    reader->at++;
    next = ocp_peek(reader);
  }
}

static inline bool ocp_word(ocp_reader *reader, text word) {
  text rest = text_slice(reader->octets, reader->at, reader->octets.size);
  if (!text_starts(rest, word)) return false;
  reader->at += word.size;
  return true;
}

static inline bool ocp_digits(ocp_reader *reader) {
  uint32_t start = reader->at;
  for (int32_t next = ocp_peek(reader); next >= '0' && next <= '9'; next = ocp_peek(reader)) reader->at++;
  return reader->at > start;
}

static inline bool ocp_number(ocp_reader *reader) {
  ocp_take(reader, '-');
  if (!ocp_take(reader, '0') && !ocp_digits(reader)) return false;
  if (ocp_take(reader, '.') && !ocp_digits(reader)) return false;
  if (!ocp_take(reader, 'e') && !ocp_take(reader, 'E')) return true;
  if (!ocp_take(reader, '+')) ocp_take(reader, '-');
  return ocp_digits(reader);
}

/* Four hexadecimal digits, -1 for anything else. */
static inline int32_t ocp_hex4(text from, uint32_t at) {
  if (at + 4 > from.size) return -1;
  int32_t value = 0;
  for (uint32_t i = at; i < at + 4; i++) {
    char octet = from.at[i];
    char letter = (char)(octet | 0x20);
    if (octet >= '0' && octet <= '9') value = value * 16 + octet - '0';
    else if (letter >= 'a' && letter <= 'f') value = value * 16 + letter - 'a' + 10;
    else return -1;
  }
  return value;
}

/* The character after a backslash, 0 where JSON knows no such escape. */
static inline char ocp_unescape(char letter) {
  switch (letter) {
    case '"':
    case '\\':
    case '/':
      return letter;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return 0;
  }
}

/* The escapes of a string undone, as UTF-8, which is never longer than what it replaces. */
static inline bool ocp_plain(text escaped, text *plain) {
  char *to = take(escaped.size);
  uint32_t size = 0;
  for (uint32_t at = 0; at < escaped.size;) {
    char octet = escaped.at[at++];
    if (octet != '\\') {
      to[size++] = octet;
      continue;
    }
    char letter = escaped.at[at++];
    if (letter != 'u') {
      char single = ocp_unescape(letter);
      if (single == 0) return false;
      to[size++] = single;
      continue;
    }
    int32_t point = ocp_hex4(escaped, at);
    if (point < 0) return false;
    at += 4;
    if ((point & 0xfc00) == 0xd800 && at + 6 <= escaped.size && escaped.at[at] == '\\' && escaped.at[at + 1] == 'u') {
      int32_t second = ocp_hex4(escaped, at + 2);
      if (second >= 0 && (second & 0xfc00) == 0xdc00) {
        point = 0x10000 + ((point & 0x3ff) << 10) + (second & 0x3ff);
        at += 6;
      }
    }
    /* Half of a surrogate pair is no character; its octets would not be UTF-8. */
    if (point >= 0xd800 && point <= 0xdfff) point = 0xfffd;
    size += text_put(to + size, (uint32_t)point);
  }
  *plain = (text){to, size};
  return true;
}

static inline bool ocp_string(ocp_reader *reader, text *found) {
  uint32_t start = ++reader->at;
  bool escaped = false;
  for (;; reader->at++) {
    int32_t next = ocp_peek(reader);
    if (next < 0x20) return false; /* the end, or a control character */
    if (next == '"') break;
    if (next != '\\') continue;
    escaped = true;
    reader->at++;
    if (ocp_peek(reader) < 0) return false;
  }
  *found = text_slice(reader->octets, start, reader->at++);
  return !escaped || ocp_plain(*found, found);
}

static json *ocp_value(ocp_reader *reader, uint32_t depth);

/* The items of a list or the members of an object, up to its end. */
static inline bool ocp_items(ocp_reader *reader, json *of, uint32_t depth) {
  char end = of->kind == JSON_OBJECT ? '}' : ']';
  reader->at++;
  ocp_skip_space(reader);
  if (ocp_take(reader, end)) return true;
  json *first = NULL;
  json **link = &first;
  for (;;) {
    text name = EMPTY;
    if (of->kind == JSON_OBJECT) {
      ocp_skip_space(reader);
      if (ocp_peek(reader) != '"' || !ocp_string(reader, &name)) return false;
      ocp_skip_space(reader);
      if (!ocp_take(reader, ':')) return false;
    }
    json *item = ocp_value(reader, depth + 1);
    if (item == NULL) return false;
    item->name = name;
    *link = item;
    link = &item->next;
    of->length++;
    ocp_skip_space(reader);
    if (ocp_take(reader, end)) break;
    if (!ocp_take(reader, ',')) return false;
  }
  of->items = take(of->length * sizeof(json *));
  for (uint32_t i = 0; first != NULL; first = first->next) of->items[i++] = first;
  return true;
}

static json *ocp_value(ocp_reader *reader, uint32_t depth) {
  if (depth > OCP_JSON_DEPTH) return NULL;
  ocp_skip_space(reader);
  json *of = take(sizeof(json));
  *of = (json){0};
  int32_t next = ocp_peek(reader);
  if (next == '{' || next == '[') {
    of->kind = next == '{' ? JSON_OBJECT : JSON_LIST;
    return ocp_items(reader, of, depth) ? of : NULL;
  }
  if (next == '"') {
    of->kind = JSON_TEXT;
    return ocp_string(reader, &of->raw) ? of : NULL;
  }
  uint32_t start = reader->at;
  if (next == '-' || (next >= '0' && next <= '9')) {
    of->kind = JSON_NUMBER;
    if (!ocp_number(reader)) return NULL;
  } else if (ocp_word(reader, TEXT("true")) || ocp_word(reader, TEXT("false"))) {
    of->kind = JSON_BOOL;
  } else if (ocp_word(reader, TEXT("null"))) {
    of->kind = JSON_NULL;
  } else {
    return NULL;
  }
  of->raw = text_slice(reader->octets, start, reader->at);
  return of;
}

/* The value of a JSON text, or NULL. Its texts point into `octets`, which must stay as they are. */
static inline const json *json_parse(text octets) {
  ocp_reader reader = {octets, 0};
  const json *value = ocp_value(&reader, 0);
  if (value == NULL) return NULL;
  ocp_skip_space(&reader);
  return reader.at == octets.size ? value : NULL;
}

#endif
