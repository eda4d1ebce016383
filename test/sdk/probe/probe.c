/* Everything that the SDK of C offers, for `probe.test.ts`. */
#include "ocp_smtp.h"

int configure(void) {
  check all = check_settings(TEXT("task"), TEXT("json"), TEXT("score"), TEXT("mode"), TEXT("modes"), TEXT("count"),
                             TEXT("flag"), TEXT("list"), TEXT("members"), TEXT("lines"), TEXT("words"), TEXT("times"));
  check_one_of(check_get(all, TEXT("mode")), TEXT("a"), TEXT("b"));
  check_any_of(check_get(all, TEXT("modes")), TEXT("a"), TEXT("b"));
  check_integer(check_get(all, TEXT("count")), -5, 10);
  check_bool(check_get(all, TEXT("flag")));
  check item = check_object(check_at(check_list(check_get(all, TEXT("list"))), 0), TEXT("x"));
  check_text(check_get(item, TEXT("x")), 3);
  check_text(check_at(item, 0), 2);
  check_members(check_get(all, TEXT("members")));
  check_lines(check_get(all, TEXT("lines")), 5);
  return configured(check_problem(all));
}

static text dump(const json *of) {
  if (json_is_missing(of)) return TEXT("-");
  if (json_is_text(of)) return quote(json_text(of));
  if (of->kind == JSON_BOOL) return json_bool(of, false) ? TEXT("yes") : TEXT("no");
  if (of->kind == JSON_NUMBER) return text_join(of->raw, TEXT("="), text_of(json_integer(of, -1)));
  if (of->kind == JSON_NULL) return TEXT("null");
  text all = json_is_list(of) ? TEXT("[") : TEXT("{");
  for (uint32_t i = 0; i < json_length(of); i++) {
    if (json_is_object(of)) all = text_join(all, quote(json_name_at(of, i)), TEXT(":"));
    all = text_join(all, dump(json_at(of, i)), TEXT(";"));
  }
  return text_join(all, json_is_list(of) ? TEXT("]") : TEXT("}"));
}

int on_connect(void) {
  decision answer = {0};
  const json *parsed = json_parse(json_text(json_get(settings(), TEXT("json"))));
  if (parsed == NULL) {
    log_info(TEXT("no JSON"));
  } else {
    text inner = json_text_or(json_get(json_get(parsed, TEXT("a")), TEXT("b")), TEXT("?"));
    log_info(text_join(dump(parsed), inner));
  }
  log_warn(dump(settings()));
  decision_score(&answer, json_number(json_get(settings(), TEXT("score")), 0));
  return decide(&answer);
}

int on_helo(void) {
  decision answer = {0};
  text before = state_get_text(TEXT("long"));
  text none;
  log_info(text_join(text_of(text_length(before)), state_get(TEXT("none"), &none) ? EMPTY : TEXT(" none")));
  text after = EMPTY;
  for (int i = 0; i < 400 && before.size == 0; i++) after = text_join(after, TEXT("ü"));
  state_set(TEXT("long"), after);
  decision_final(&answer);
  return decide(&answer);
}

static text yes_or_no(bool what) { return what ? TEXT("true|") : TEXT("false|"); }

int on_mail(void) {
  decision answer = {0};
  const json *one = json_at(facts_recipients(), 0);
  text bar = TEXT("|");
  text session = text_join(facts_stage(), bar, facts_session(), bar, facts_transaction(), bar, facts_service(), bar,
                           facts_listener(), bar, facts_protocol(), bar);
  text client = text_join(facts_client_address(), bar, text_of(facts_client_port()), bar, facts_helo_verb(), bar,
                          facts_helo(), bar, yes_or_no(facts_has_tls()), facts_tls_version(), bar,
                          facts_tls_cipher(), bar, facts_user(), bar);
  text sender = text_join(yes_or_no(facts_has_sender()), facts_sender(), bar, facts_sender_param(TEXT("SIZE")), bar);
  text recipient = text_join(recipient_address(one), bar, recipient_original(one), bar,
                             recipient_param(one, TEXT("NOTIFY")), bar,
                             recipient_original(json_at(facts_recipients(), 1)), bar, facts_recipient(), bar);
  text rest = text_join(facts_tag(TEXT("spam")), bar, text_of(facts_message_size()), bar,
                        domain_of(recipient_address(one)), bar, local_part_of(recipient_address(one)));
  log_info(text_join(session, client, sender, recipient, rest));
  decision_score(&answer, facts_score());
  return decide(&answer);
}

int on_rcpt(void) {
  decision answer = {0};
  decision_bounce(&answer);
  decision_rewrite(&answer, text_join(facts_recipient(), TEXT("x")));
  decision_disconnect(&answer);
  return decide(&answer);
}

static text repeat(text what, int times) {
  text all = EMPTY;
  for (int i = 0; i < times; i++) all = text_join(all, what);
  return all;
}

int on_data(void) {
  decision answer = {0};
  decision_sender(&answer, EMPTY);
  decision_add_recipient(&answer, TEXT("c@example.com"));
  decision_add_recipient(&answer, TEXT("d@example.com"));
  decision_next_hop(&answer, TEXT("a"));
  decision_folder(&answer, TEXT("b"));
  decision_discard(&answer);
  recipient_decision *ann = decision_recipient(&answer, TEXT("ann@example.com"));
  recipient_tempfail(ann, 451, EMPTY, TEXT("later\r\n250 OK"));
  recipient_folder(ann, TEXT("f"));
  recipient_next_hop(ann, TEXT("n"));
  recipient_replace(ann, (text[]){TEXT("x@y"), TEXT("z@y")}, 2);
  recipient_decision *eve = decision_recipient(&answer, TEXT("eve@example.com"));
  recipient_reject(eve, 550, TEXT("5.7.1"), TEXT("\"no\"\\"));
  recipient_replace(eve, NULL, 0);
  recipient_quarantine(decision_recipient(&answer, TEXT("bob@example.com")));
  recipient_discard(decision_recipient(&answer, TEXT("kim@example.com")));
  recipient_bounce(decision_recipient(&answer, TEXT("sue@example.com")));
  decision_reason(&answer, text_join(TEXT("x\n\"\\"), repeat(TEXT("y"), 500)));
  decision_tag(&answer, TEXT("k\0"), repeat(TEXT("v"), 600));
  decision_tag(&answer, TEXT("z"), TEXT("w"));
  return decide(&answer);
}

/* What each part says of the words; of the first one it is asked many times. */
static void search(void) {
  const json *words = json_get(settings(), TEXT("words"));
  for (uint32_t i = 0; i < part_count(); i++) {
    part one = part_at(i);
    int32_t times = json_integer(json_get(settings(), TEXT("times")), 0);
    for (; times > 0; times--) part_says(one, json_text(json_at(words, 0)));
    json_writer said = {0};
    for (uint32_t w = 0; w < json_length(words); w++) {
      write_raw(&said, part_says(one, json_text(json_at(words, w))) ? TEXT("y") : TEXT("n"));
    }
    log_info(writer_text(&said));
  }
}

static int edit(void) {
  decision answer = {0};
  char whole[1000];
  text space = TEXT(" ");
  uint32_t size = message_read(0, whole, sizeof whole);
  log_info(text_join(text_of(message_size()), space, text_of(size), space,
                     text_of(message_read(5000, whole, sizeof whole)), space, text_of(message_header_count()), space,
                     message_header_name(0), space, message_header_value(0), space,
                     text_of(message_header_find(TEXT("received"), 1)), space,
                     text_of(message_header_find(TEXT("nope"), 0))));
  for (uint32_t i = 0; i < part_count(); i++) {
    part one = part_at(i);
    char body[100];
    uint32_t decoded = part_read(one, 2, body, sizeof body);
    text bar = TEXT("|");
    log_debug(text_join(text_of(one.index), bar, text_of(part_parent(one)), bar, text_of(part_depth(one)), bar,
                        part_type(one), bar, part_charset(one), bar, part_name(one), bar, part_disposition(one), bar,
                        part_encoding(one), bar, text_of(part_offset(one)), bar, text_of(part_header_size(one)), bar,
                        text_of(part_size(one)), bar, text_clean((text){body, decoded})));
  }
  message_header_insert(0, TEXT("X-First"), TEXT("first"));
  message_header_change(0, TEXT("changed"));
  message_header_remove((uint32_t)message_header_find(TEXT("Received"), 1));
  message_splice(message_size(), 0, TEXT("end\r\n"));
  log_error(TEXT("done"));
  decision_tempfail(&answer, 450, TEXT("4.2.0"), TEXT("edited"));
  decision_score(&answer, -0.125);
  return decide(&answer);
}

int on_message(void) {
  decision answer = {0};
  text task = json_text(json_get(settings(), TEXT("task")));
  if (text_equal(task, TEXT("name"))) message_header_insert(0, TEXT("X A"), TEXT("b"));
  if (text_equal(task, TEXT("value"))) message_header_add(TEXT("X-A"), TEXT("b\r\nX-B: c"));
  if (text_equal(task, TEXT("index"))) message_header_remove(99);
  if (text_equal(task, TEXT("change"))) message_header_change(99, TEXT("x"));
  if (text_equal(task, TEXT("bare"))) message_splice(0, 0, TEXT("\n"));
  if (text_equal(task, TEXT("part"))) part_at(99);
  char octet[1];
  if (text_equal(task, TEXT("part-read"))) part_read((part){99, NULL}, 0, octet, 1);
  if (text_equal(task, TEXT("says"))) search();
  if (text_equal(task, TEXT("state"))) state_set(TEXT("large"), (text){take(70000), 70000});
  if (text_equal(task, TEXT("edit"))) return edit();
  decision_quarantine(&answer);
  return decide(&answer);
}

int on_report(void) {
  decision answer = {0};
  const json *one = json_at(facts_outcomes(), 0);
  log_info(text_join(outcome_recipient(one), TEXT("|"), outcome_disposition(one), TEXT("|"), outcome_reply(one)));
  const json *parts = facts_message_parts();
  for (uint32_t i = 0; i < json_length(parts); i++) {
    const json *of = json_at(parts, i);
    text words = text_join(part_facts_type(of), TEXT("|"), part_facts_name(of), TEXT("|"), part_facts_disposition(of));
    text numbers = text_join(text_of(part_facts_depth(of)), TEXT("|"), text_of(part_facts_size(of)));
    log_info(text_join(words, TEXT("|"), part_facts_encoding(of), TEXT("|"), numbers));
  }
  log_info(text_join(text_of(json_length(parts)), TEXT(" of "), text_of(facts_message_part_count())));
  return decide(&answer);
}
