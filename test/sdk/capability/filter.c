/* What the SDK of C offers of capabilities, for `capability.test.ts`. */
#include "ocp_smtp.h"

static text yes(bool value) { return value ? TEXT("yes") : TEXT("no"); }

static text expiry(text key) {
  kv_entry found;
  return kv_get_entry(key, &found) ? text_of(found.expires) : TEXT("none");
}

static int64_t revision(text key) {
  kv_entry found;
  return kv_get_entry(key, &found) ? found.revision : 0;
}

static void see(json_writer *seen, text what) {
  if (seen->size > 0) write_raw(seen, TEXT("|"));
  write_raw(seen, what);
}

static int count_if_granted(void) {
  decision said = {0};
  decision_tag(&said, TEXT("count"), kv_is_granted() ? text_of(kv_increment(TEXT("n"), 1, 0)) : TEXT("none"));
  decision_tag(&said, TEXT("others"), text_join(yes(clock_is_granted()), yes(http_is_granted())));
  return decide(&said);
}

int on_rcpt(void) {
  text url = json_text(json_get(settings(), TEXT("url")));
  text task = json_text(json_get(settings(), TEXT("task")));
  if (text_equal(task, TEXT("count"))) return count_if_granted();
  if (text_equal(task, TEXT("key"))) kv_put(TEXT(""), TEXT("x"), 0);
  if (text_equal(task, TEXT("quota"))) kv_put(TEXT("long"), json_text(json_get(settings(), TEXT("long"))), 0);
  if (text_equal(task, TEXT("outage"))) {
    http_response nothing = http_request(TEXT("GET"), json_text(json_get(settings(), TEXT("down"))), NULL, NULL);
    fail(text_join(TEXT("no answer: "), nothing.error));
  }
  json_writer seen = {0};
  see(&seen, yes(clock_now() > 1700000000000));
  see(&seen, kv_get_text(TEXT("none")));
  kv_put(TEXT("a"), TEXT("ä\n\""), 0);
  see(&seen, kv_get_text(TEXT("a")));
  see(&seen, expiry(TEXT("a")));
  see(&seen, yes(kv_replace(TEXT("a"), TEXT("b"), 0, 0)));
  see(&seen, yes(kv_replace(TEXT("a"), EMPTY, revision(TEXT("a")), 60)));
  see(&seen, kv_get_text(TEXT("a")));
  see(&seen, expiry(TEXT("a")));
  see(&seen, text_of(kv_increment(TEXT("n"), 9007199254740000, 0)));
  see(&seen, text_of(kv_increment(TEXT("n"), -9007199254740007, 0)));
  see(&seen, yes(kv_remove(TEXT("a"))));
  see(&seen, yes(kv_remove(TEXT("a"))));
  json_writer headers = {0};
  write_text_member(&headers, TEXT("X-Test"), TEXT("one"));
  text body = TEXT("two\nthree");
  http_response answer = http_request(TEXT("POST"), text_join(url, TEXT("/echo")), &headers, &body);
  see(&seen, text_of(answer.status));
  see(&seen, http_header(&answer, TEXT("x-answer")));
  see(&seen, answer.body);
  http_response denied = http_request(TEXT("GET"), TEXT("http://127.0.0.2/"), NULL, NULL);
  see(&seen, text_of(denied.status));
  see(&seen, denied.error);
  log_info(writer_text(&seen));
  decision said = {0};
  decision_tag(&said, TEXT("answer"), answer.body);
  return decide(&said);
}
