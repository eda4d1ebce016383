/*
 * Rate limits (RFC 4496 section 4.4): so many connections, messages or recipients within a time, for each client network, user, sender
 * or recipient. The reply is to the very command that is one too many. Settings: README.md.
 */
#include "ocp_smtp.h"
#include "network.h"

/* Octets of a name in a key, which has at most 512. */
#define NAME_LIMIT 440u

/* What is counted where: a limit applies at the stage at which it has something to count. */
typedef struct {
  text stage;
  text count;
  text per;
  int32_t code;
  text enhanced;
  text why;
} rule;

#define RULES 8
static const rule rules[RULES] = {
    {TEXT("connect"), TEXT("connections"), TEXT("client"), 421, TEXT("4.7.0"), TEXT("Too many connections, try again later")},
    {TEXT("mail"), TEXT("messages"), TEXT("client"), 450, TEXT("4.7.1"), TEXT("Too many messages, try again later")},
    {TEXT("mail"), TEXT("messages"), TEXT("user"), 450, TEXT("4.7.1"), TEXT("Too many messages, try again later")},
    {TEXT("mail"), TEXT("messages"), TEXT("sender"), 450, TEXT("4.7.1"), TEXT("Too many messages, try again later")},
    {TEXT("rcpt"), TEXT("messages"), TEXT("recipient"), 450, TEXT("4.2.1"), TEXT("Too many messages for this recipient, try again later")},
    {TEXT("rcpt"), TEXT("recipients"), TEXT("client"), 452, TEXT("4.5.3"), TEXT("Too many recipients, try again later")},
    {TEXT("rcpt"), TEXT("recipients"), TEXT("user"), 452, TEXT("4.5.3"), TEXT("Too many recipients, try again later")},
    {TEXT("rcpt"), TEXT("recipients"), TEXT("sender"), 452, TEXT("4.5.3"), TEXT("Too many recipients, try again later")},
};

static text limit_text(const json *limit, text name) { return json_text(json_get(limit, name)); }

/* Which rule a limit follows, whatever the stage; NULL if there is none. */
static const rule *rule_of(const json *limit) {
  for (uint32_t i = 0; i < RULES; i++) {
    if (!text_equal(rules[i].count, limit_text(limit, TEXT("count")))) continue;
    if (text_equal(rules[i].per, limit_text(limit, TEXT("per")))) return &rules[i];
  }
  return NULL;
}

static bool same(const json *one, const json *other, text name) {
  return text_equal(json_get(one, name)->raw, json_get(other, name)->raw);
}

static void check_limit(check limits, uint32_t index) {
  check one = check_at(limits, index);
  check_object(one, TEXT("count"), TEXT("per"), TEXT("max"), TEXT("windowSeconds"), TEXT("text"));
  if (!json_is_object(one.value)) {
    check_refuse(one, TEXT("allowed is an object"));
    return;
  }
  check_one_of(check_required(check_get(one, TEXT("count")), TEXT("required is what is counted")),
               TEXT("connections"), TEXT("messages"), TEXT("recipients"));
  check_one_of(check_required(check_get(one, TEXT("per")), TEXT("required is for whom")), TEXT("client"), TEXT("user"),
               TEXT("sender"), TEXT("recipient"));
  check_integer(check_required(check_get(one, TEXT("max")), TEXT("required is how many")), 1, 1000000);
  check_integer(check_required(check_get(one, TEXT("windowSeconds")), TEXT("required is in how many seconds")), 1, 2678400);
  check_text(check_get(one, TEXT("text")), 400);
  if (rule_of(one.value) == NULL) {
    check_refuse(check_get(one, TEXT("per")),
                 TEXT("allowed are client for connections; client, user, sender, recipient for messages; client, user, sender for recipients"));
  }
  for (uint32_t i = 0; i < index; i++) {
    const json *before = json_at(limits.value, i);
    if (!same(before, one.value, TEXT("count")) || !same(before, one.value, TEXT("per"))) continue;
    if (!same(before, one.value, TEXT("windowSeconds"))) continue;
    check_refuse(one, TEXT("allowed is one limit for the same count, per and windowSeconds"));
  }
}

int configure(void) {
  check all = check_settings(TEXT("limits"), TEXT("ipv4Prefix"), TEXT("ipv6Prefix"), TEXT("onStoreFailure"));
  check limits = check_list(check_required(check_get(all, TEXT("limits")), TEXT("required is a list of limits")));
  for (uint32_t i = 0; json_is_list(limits.value) && i < json_length(limits.value); i++) check_limit(limits, i);
  check_integer(check_get(all, TEXT("ipv4Prefix")), 8, 32);
  check_integer(check_get(all, TEXT("ipv6Prefix")), 16, 128);
  check_one_of(check_get(all, TEXT("onStoreFailure")), TEXT("accept"), TEXT("tempfail"));
  return configured(check_problem(all));
}

/* For whom is counted; empty for nobody: who has not authenticated has no name, and bounces have no sender in common. */
static text name_for(const rule *of) {
  if (text_equal(of->per, TEXT("user"))) return facts_user();
  if (text_equal(of->per, TEXT("sender"))) return facts_sender_normal();
  if (text_equal(of->per, TEXT("recipient"))) return facts_recipient_normal();
  return network_of(facts_client_address(), (uint32_t)json_integer(json_get(settings(), TEXT("ipv4Prefix")), 32),
                    (uint32_t)json_integer(json_get(settings(), TEXT("ipv6Prefix")), 64));
}

static text key_for(const json *limit, text name) {
  uint32_t end = name.size < NAME_LIMIT ? name.size : NAME_LIMIT;
  /* Not within a character. */
  while (end > 0 && end < name.size && ((uint8_t)name.at[end] & 0xc0) == 0x80) end--;
  text window = json_get(limit, TEXT("windowSeconds"))->raw;
  return text_join(limit_text(limit, TEXT("count")), TEXT(" "), limit_text(limit, TEXT("per")), TEXT(" "), window, TEXT(" "),
                   text_slice(name, 0, end));
}

static int64_t number_in(text digits) {
  int64_t number = 0;
  for (uint32_t i = 0; i < digits.size; i++) number = number * 10 + (digits.at[i] - '0');
  return number;
}

static int refuse(const json *limit, const rule *of, text name) {
  decision answer = {0};
  text max = json_get(limit, TEXT("max"))->raw;
  text window = json_get(limit, TEXT("windowSeconds"))->raw;
  decision_tempfail(&answer, of->code, of->enhanced, json_text_or(json_get(limit, TEXT("text")), of->why));
  decision_reason(&answer, text_join(TEXT("more than "), max, TEXT(" "), of->count, TEXT(" in "), window, TEXT(" s for the "), of->per,
                                     TEXT(" "), name));
  return decide(&answer);
}

static int without_store(void) {
  decision answer = {0};
  decision_tag(&answer, TEXT("rate-limit"), TEXT("not asked: its store is full or out of order"));
  if (text_equal(json_text(json_get(settings(), TEXT("onStoreFailure"))), TEXT("tempfail"))) {
    int32_t code = text_equal(facts_stage(), TEXT("connect")) ? 421 : 451;
    decision_tempfail(&answer, code, TEXT("4.3.0"), TEXT("Rates cannot be counted now, try again later"));
  }
  return decide(&answer);
}

/*
 * First all limits are looked at, then all are counted: what one limit refuses counts for none of the others, and who hammers on is
 * refused without a change on the disk. Of sessions that come at once, the sum tells who is one too many.
 */
static int judge(void) {
  const json *limits = json_get(settings(), TEXT("limits"));
  for (uint32_t counting = 0; counting <= 1; counting++) {
    for (uint32_t i = 0; i < json_length(limits); i++) {
      const json *limit = json_at(limits, i);
      const rule *of = rule_of(limit);
      text name = text_equal(of->stage, facts_stage()) ? name_for(of) : EMPTY;
      if (name.size == 0) continue;
      text key = key_for(limit, name);
      int64_t max = json_integer(json_get(limit, TEXT("max")), 1);
      kv_entry known;
      int64_t count;
      if (counting == 0) {
        if (!kv_try_get_entry(key, &known)) return without_store();
        count = number_in(known.value) + 1;
      } else if (!kv_try_increment(key, 1, json_integer(json_get(limit, TEXT("windowSeconds")), 1), &count)) {
        return without_store();
      }
      if (count > max) return refuse(limit, of, name);
    }
  }
  return decide(&(decision){0});
}

int on_connect(void) { return judge(); }

int on_mail(void) { return judge(); }

int on_rcpt(void) { return judge(); }
