/* The MIME parts of the message; part 0 is the message itself. Stage `message` only. */
#ifndef OCP_SMTP_PART_H
#define OCP_SMTP_PART_H

#include "address.h"
#include "extism.h"
#include "json.h"

typedef struct {
  uint32_t index;
  /* All the part's facts, for what has no accessor here. */
  const json *facts;
} part;

static inline uint32_t part_count(void) { return ocp_must(ocp_part_count(), TEXT("count the parts"), EMPTY); }

/* The part of that index; they are numbered from 0 in document order. */
static inline part part_at(uint32_t index) {
  uint32_t room = 1024;
  char *octets = take(room);
  uint32_t size = ocp_must(ocp_part_info(index, octets, room), TEXT("read the facts of a part"), EMPTY);
  if (size > room) {
    octets = take(size);
    ocp_part_info(index, octets, size);
  }
  const json *facts = json_parse((text){octets, size});
  if (facts == NULL) fail(TEXT("Cannot read the facts of a part: not JSON"));
  return (part){index, facts};
}

/* Index of the part that this one is in; -1 for part 0. */
static inline int32_t part_parent(part of) {
  return of.index == 0 ? -1 : json_integer(json_get(of.facts, TEXT("parent")), -1);
}

static inline int32_t part_depth(part of) { return json_integer(json_get(of.facts, TEXT("depth")), 0); }

/* `application/pdf`, in lower case. */
static inline text part_type(part of) { return json_text(json_get(of.facts, TEXT("type"))); }

static inline text part_charset(part of) { return json_text(json_get(of.facts, TEXT("charset"))); }

/* The file name, decoded; empty if it has none. The sender chose it: it may hold any character. */
static inline text part_name(part of) { return json_text(json_get(of.facts, TEXT("name"))); }

/* Every name that some reader may take for the file name, a list of texts: judge them all. */
static inline const json *part_names(part of) { return json_get(of.facts, TEXT("names")); }

/* Of part 0: the message is taken apart to the end, within the host's bounds. */
static inline bool part_complete(part of) { return json_is_missing(json_get(of.facts, TEXT("complete"))); }

/* Readers may disagree about its type, its encoding, its boundary or its names. */
static inline bool part_ambiguous(part of) { return !json_is_missing(json_get(of.facts, TEXT("ambiguous"))); }

/* `attachment`, `inline` or empty. */
static inline text part_disposition(part of) { return json_text(json_get(of.facts, TEXT("disposition"))); }

/* The Content-Transfer-Encoding. */
static inline text part_encoding(part of) { return json_text(json_get(of.facts, TEXT("encoding"))); }

/* Where the part's header begins in the message. */
static inline uint32_t part_offset(part of) { return (uint32_t)json_integer(json_get(of.facts, TEXT("offset")), 0); }

/* Octets of its header with the empty line. */
static inline uint32_t part_header_size(part of) {
  return (uint32_t)json_integer(json_get(of.facts, TEXT("headerSize")), 0);
}

/* Octets of its body as encoded. */
static inline uint32_t part_size(part of) { return (uint32_t)json_integer(json_get(of.facts, TEXT("size")), 0); }

/*
 * Fills `buffer` from offset `offset` of the decoded body; gives the octets copied, fewer at the end, 0 past it. Going
 * from front to back costs one pass, going back starts a new one.
 */
static inline uint32_t part_read(part of, uint32_t offset, void *buffer, uint32_t size) {
  return ocp_must(ocp_part_read(of.index, offset, buffer, size), TEXT("read a part"), EMPTY);
}

/*
 * Whether its decoded body has the word, ASCII letters in either case, wherever one read ends and the next begins. No part says
 * the empty word. Its octets are looked for, UTF-8 where it came from settings: text in another charset may have others.
 */
static inline bool part_says(part of, text word) {
  enum { CHUNK = 4096 };
  if (word.size == 0) return false;
  /* What is taken here is given back: it is not needed any longer, and there may be many parts and words. */
  uint32_t mark = ocp_heap_at;
  text wanted = fold_case(word);
  char *window = take(CHUNK + wanted.size);
  uint32_t kept = 0;
  uint32_t offset = 0;
  bool found = false;
  for (uint32_t size; !found && (size = part_read(of, offset, window + kept, CHUNK)) > 0; offset += size) {
    uint32_t end = kept + size;
    for (uint32_t i = kept; i < end; i++) window[i] = fold_octet(window[i]);
    found = text_find((text){window, end}, wanted) >= 0;
    /* The word may straddle two reads: its length less one stays for the next. */
    kept = wanted.size - 1 < end ? wanted.size - 1 : end;
    __builtin_memmove(window, window + end - kept, kept);
  }
  ocp_heap_at = mark;
  return found;
}

/* Puts a part of that Content-Type (`text/plain; charset=utf-8`) with that text in its place. */
static inline void part_replace(part of, text type, text content) {
  ocp_must(ocp_part_replace(of.index, type.at, type.size, content.at, content.size), TEXT("replace a part"), EMPTY);
}

#endif
