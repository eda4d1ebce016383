/* What the SDK of C offers of look-ups, keys, scanners, files and notices, for `outside.test.ts`. */
#include "ocp_smtp.h"

static text yes(bool value) { return value ? TEXT("yes") : TEXT("no"); }

#define SEE(...) see((text[]){__VA_ARGS__}, sizeof((text[]){__VA_ARGS__}) / sizeof(text))

static void see(const text *seen, uint32_t count) {
  json_writer line = {0};
  for (uint32_t i = 0; i < count; i++) {
    if (i > 0) write_raw(&line, TEXT("|"));
    write_raw(&line, seen[i]);
  }
  log_info(writer_text(&line));
}

static void add_to(json_writer *list, text item) {
  if (list->size > 0) write_raw(list, TEXT(","));
  write_raw(list, item);
}

static text listed(const json *texts) {
  json_writer list = {0};
  for (uint32_t i = 0; i < json_length(texts); i++) add_to(&list, json_text(json_at(texts, i)));
  return writer_text(&list);
}

static void see_dns(dns_answer answer) {
  json_writer texts = {0};
  for (uint32_t i = 0; i < json_length(answer.records); i++) add_to(&texts, dns_text(&answer, i));
  SEE(answer.error, answer.result, text_of(answer.ttl), text_of(json_length(answer.records)), writer_text(&texts));
}

static void look_up(void) {
  see_dns(dns_query(TEXT("A"), TEXT("example.test")));
  dns_answer mx = dns_query(TEXT("MX"), TEXT("Example.TEST."));
  see_dns(mx);
  log_info(text_of(json_integer(json_get(json_at(mx.records, 0), TEXT("priority")), 0)));
  see_dns(dns_query(TEXT("TXT"), TEXT("example.test")));
  see_dns(dns_query(TEXT("AAAA"), TEXT("example.test")));
  see_dns(dns_query(TEXT("A"), TEXT("nobody.example.test")));
  see_dns(dns_reverse(TEXT("192.0.2.7")));
  see_dns(dns_listed(TEXT("192.0.2.7"), TEXT("list.test")));
  see_dns(dns_query(TEXT("A"), TEXT("example.org")));
  see_dns(dns_query(TEXT("A"), TEXT("ä\"\\\n")));
}

static void see_directory(directory_answer answer) {
  json_writer aliases = {0};
  text value;
  for (uint32_t i = 0; directory_value_at(&answer, TEXT("alias"), i, &value); i++) add_to(&aliases, value);
  uint32_t none = 0;
  while (directory_value_at(&answer, TEXT("none"), none, &value)) none++;
  SEE(answer.error, yes(directory_is_found(&answer)), text_of(json_length(answer.rows)),
      directory_value(&answer, TEXT("store")), writer_text(&aliases), directory_value(&answer, TEXT("none")),
      text_of(none));
}

static void find(void) {
  see_directory(directory_find(TEXT("staff"), TEXT("ann@example.com")));
  see_directory(directory_find(TEXT("staff"), TEXT("nobody@example.com")));
  see_directory(directory_find(TEXT("others"), TEXT("ann@example.com")));
  see_directory(directory_find(TEXT("staff"), EMPTY));
}

static void see_result(auth_result result) { SEE(result.result, result.reason, result.domain); }

static void authenticate(void) {
  auth_results results = auth_get_results();
  see_result(results.spf);
  log_info(text_of(json_length(results.dkim)));
  for (uint32_t i = 0; i < json_length(results.dkim); i++) see_result(auth_dkim(&results, i));
  see_result(results.arc);
  see_result(results.dmarc);
  SEE(results.policy, listed(results.sealers), results.sealed, listed(results.texts));
}

static void see_verdict(scan_verdict verdict) { SEE(yes(verdict.is_clean), verdict.name, verdict.error); }

static void scan(void) {
  for (uint32_t i = 0; i < part_count(); i++) see_verdict(scan_part(part_at(i)));
  see_verdict(scan_message());
  see_verdict(scan_octets(json_text(json_get(settings(), TEXT("virus")))));
  see_verdict(scan_octets(TEXT("harmless\n{}")));
  see_verdict(scan_octets(EMPTY));
}

static void add(signed_fields made) {
  SEE(made.error, yes(made.fields.size > 0));
  message_splice(0, 0, made.fields);
}

static void sign(void) {
  add(signing_dkim(TEXT("ours"), NULL));
  json_writer headers = {0};
  write_text_item(&headers, TEXT("From"));
  write_text_item(&headers, TEXT("Subject"));
  json_writer options = {0};
  write_member(&options, TEXT("headers"), text_join(TEXT("["), writer_text(&headers), TEXT("]")));
  write_member(&options, TEXT("expires"), text_of(86400));
  add(signing_dkim(TEXT("ours"), &options));
  text results = TEXT("[\"spf=pass smtp.mailfrom=example.net\",\"dkim=none\"]");
  add(signing_arc(TEXT("ours"), TEXT("mx.example.test"), json_parse(results)));
  add(signing_arc(TEXT("ours"), TEXT("\"ours quoted\""), json_parse(TEXT("[]"))));
  add(signing_dkim(TEXT("theirs"), NULL));
}

static void notify(void) {
  text sender = yes(notify_sender(TEXT("A \"virus\""), TEXT("It was ä\nvirus.\n")));
  text recipients = yes(notify_recipients(TEXT("for you"), EMPTY));
  text postmaster = yes(notify_postmaster(TEXT("for her"), TEXT("x")));
  text named = yes(notify_notice(TEXT("sender"), TEXT("by name"), TEXT("y")));
  text plain = yes(notify_incident(TEXT("warning"), TEXT("virus-found"), TEXT("Eicar in a.zip"), NULL));
  json_writer fields = {0};
  write_text_member(&fields, TEXT("signature"), TEXT("Eicar \"x\""));
  write_text_member(&fields, TEXT("file"), TEXT("ä"));
  text full = yes(notify_incident(TEXT("critical"), TEXT("worse"), TEXT("more\nof it"), &fields));
  SEE(sender, recipients, postmaster, named, plain, full);
}

static void post(void) {
  json_writer headers = {0};
  write_text_member(&headers, TEXT("X-Test"), TEXT("one"));
  text url = json_text(json_get(settings(), TEXT("url")));
  http_response answer = http_post_message(text_join(url, TEXT("/post")), &headers);
  SEE(text_of(answer.status), answer.error, answer.body);
}

static void see_link(blob_link link) {
  SEE(link.error, link.url, link.id, text_of(link.size), link.sha256, text_of(link.expires));
}

static void keep(void) {
  blob_rules none = {0};
  part of = part_at(2);
  blob_link link = blob_part(of, TEXT("a \"b\".pdf"), &none);
  see_link(link);
  text clients[] = {TEXT("192.0.2.0/24"), TEXT("2001:db8::1")};
  blob_rules all = {600, 3, TEXT("sésame"), clients, 2, true};
  see_link(blob_octets(TEXT("content\n{}"), EMPTY, TEXT("text/plain"), &all));
  json_writer name = {0};
  for (uint32_t i = 0; i < 99; i++) write_raw(&name, TEXT("😀"));
  write_raw(&name, TEXT("x😀"));
  see_link(blob_octets(EMPTY, writer_text(&name), TEXT("image/svg+xml"), &none));
  const json *types = json_get(settings(), TEXT("types"));
  for (uint32_t i = 0; i < json_length(types); i++) {
    see_link(blob_octets(TEXT("x"), TEXT("x"), json_text(json_at(types, i)), &none));
  }
  blob_rules large = {.expires = 1000000000};
  see_link(blob_part(of, TEXT("x"), &large));
  text first = yes(blob_remove(link.id));
  SEE(first, yes(blob_remove(link.id)));
}

static void see_secure(secure_answer answer) {
  SEE(answer.error, yes(json_bool(json_get(answer.fields, TEXT("signs")), false)),
      listed(json_get(answer.fields, TEXT("recipients"))), yes(secure_has_content(&answer)));
  for (uint32_t i = 0; i < secure_layer_count(&answer); i++) {
    secure_layer layer = secure_layer_at(&answer, i);
    SEE(layer.kind, layer.result, layer.reason);
  }
}

static void protect(void) {
  text openpgp = TEXT("openpgp");
  text smime = TEXT("smime");
  secure_answer found = secure_find(openpgp);
  see_secure(found);
  see_secure(secure_find(smime));
  see_secure(secure_protect(smime, true, NULL, 0, TEXT("aes-256-gcm")));
  text nobody[] = {TEXT("\"nobody\"@example.test")};
  see_secure(secure_protect(openpgp, false, nobody, 1, EMPTY));
  see_secure(secure_open(openpgp));
  const json *known = json_get(found.fields, TEXT("recipients"));
  text recipients[10];
  for (uint32_t i = 0; i < json_length(known); i++) recipients[i] = json_text(json_at(known, i));
  secure_answer made = secure_protect(openpgp, true, recipients, json_length(known), EMPTY);
  see_secure(made);
  secure_apply(&made);
  log_info(yes(secure_is_too_large()));
}

static secure_answer open(void) {
  secure_answer opened = secure_open(TEXT("openpgp"));
  see_secure(opened);
  return opened;
}

static void open_and_apply(void) {
  secure_answer opened = open();
  secure_apply(&opened);
}

static void stale(void) {
  secure_answer opened = open();
  secure_find(TEXT("smime"));
  secure_apply(&opened);
}

static void refused(void) {
  secure_answer made = secure_protect(TEXT("smime"), true, NULL, 0, EMPTY);
  secure_apply(&made);
}

static void granted(void) {
  SEE(yes(auth_is_granted()), yes(blob_is_granted()), yes(directory_is_granted()), yes(dns_is_granted()),
      yes(notify_is_granted()), yes(scan_is_granted()), yes(secure_is_granted()), yes(signing_is_granted()));
}

int on_message(void) {
  decision nothing = {0};
  text task = json_text(json_get(settings(), TEXT("task")));
  if (text_equal(task, TEXT("dns"))) look_up();
  if (text_equal(task, TEXT("directory"))) find();
  if (text_equal(task, TEXT("auth"))) authenticate();
  if (text_equal(task, TEXT("scan"))) scan();
  if (text_equal(task, TEXT("sign"))) sign();
  if (text_equal(task, TEXT("notify"))) notify();
  if (text_equal(task, TEXT("post"))) post();
  if (text_equal(task, TEXT("blob"))) keep();
  if (text_equal(task, TEXT("remove"))) blob_remove(TEXT("none"));
  if (text_equal(task, TEXT("protect"))) protect();
  if (text_equal(task, TEXT("open")) || text_equal(task, TEXT("border"))) open_and_apply();
  if (text_equal(task, TEXT("stale"))) stale();
  if (text_equal(task, TEXT("refused"))) refused();
  if (text_equal(task, TEXT("granted"))) granted();
  if (text_equal(task, TEXT("to"))) notify_notice(TEXT("everybody"), TEXT("x"), TEXT("y"));
  if (text_equal(task, TEXT("event"))) notify_incident(TEXT("warning"), TEXT("Not one"), TEXT("x"), NULL);
  if (text_equal(task, TEXT("outage"))) {
    fail(text_join(TEXT("no answer: "), dns_query(TEXT("A"), TEXT("silent.test")).error));
  }
  return decide(&nothing);
}
