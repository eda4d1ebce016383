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

static text entry_of(text key) {
  kv_entry found;
  if (!kv_try_get_entry(key, &found)) return TEXT("trouble");
  return found.revision == 0 ? TEXT("none") : text_join(found.value, TEXT(" "), text_of(found.expires));
}

static text put(text key, text value) { return kv_try_put(key, value, 60) ? TEXT("yes") : TEXT("trouble"); }

static text replaced(text key, text value, int64_t revision) {
  bool stored;
  return kv_try_replace(key, value, revision, 60, &stored) ? yes(stored) : TEXT("trouble");
}

static text incremented(text key, int64_t by) {
  int64_t sum;
  return kv_try_increment(key, by, 60, &sum) ? text_of(sum) : TEXT("trouble");
}

static int attempt(void) {
  decision nothing = {0};
  text full = json_text(json_get(settings(), TEXT("long")));
  json_writer seen = {0};
  see(&seen, entry_of(TEXT("k")));
  see(&seen, replaced(TEXT("k"), TEXT("one"), 0));
  see(&seen, replaced(TEXT("k"), TEXT("two"), 0));
  see(&seen, replaced(TEXT("k"), TEXT("two"), revision(TEXT("k"))));
  see(&seen, entry_of(TEXT("k")));
  see(&seen, incremented(TEXT("m"), 7));
  see(&seen, incremented(TEXT("m"), -9));
  log_info(writer_text(&seen));
  json_writer beyond = {0};
  see(&beyond, put(TEXT("p"), TEXT("x")));
  see(&beyond, put(TEXT("long"), full));
  see(&beyond, replaced(TEXT("long"), full, 0));
  see(&beyond, incremented(full, 1));
  see(&beyond, entry_of(TEXT("long")));
  log_info(writer_text(&beyond));
  if (json_bool(json_get(settings(), TEXT("name")), false)) incremented(TEXT("k"), 1);
  return decide(&nothing);
}

int on_rcpt(void) {
  text url = json_text(json_get(settings(), TEXT("url")));
  text task = json_text(json_get(settings(), TEXT("task")));
  if (text_equal(task, TEXT("count"))) return count_if_granted();
  if (text_equal(task, TEXT("try"))) return attempt();
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
