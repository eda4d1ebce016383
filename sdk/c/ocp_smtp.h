/*
 * Everything a Postern filter in C needs: the facts of the stage, the message, its parts, state, settings, log, and
 * the decision. Header only; no C library. The contract beneath is sdk/ABI.md.
 *
 * A filter defines a function for every stage at which it wants to be asked, and nothing more: the declarations below
 * export it, and including this file exports the marker of the ABI. Each ends in `return decide(&decision)`. What the
 * host refuses ends the call as a failure of the service that names the reason; it never becomes a decision by
 * accident.
 */
#ifndef OCP_SMTP_H
#define OCP_SMTP_H

#ifndef __wasm__
#error "A Postern filter is WebAssembly: compile with --target=wasm32"
#endif
#ifndef __wasm_bulk_memory__
#error "There is no C library to copy memory: compile with -mbulk-memory"
#endif

#include "ocp_smtp/abi.h"
#include "ocp_smtp/address.h"
#include "ocp_smtp/auth.h"
#include "ocp_smtp/blob.h"
#include "ocp_smtp/check.h"
#include "ocp_smtp/clock.h"
#include "ocp_smtp/decision.h"
#include "ocp_smtp/directory.h"
#include "ocp_smtp/dns.h"
#include "ocp_smtp/extism.h"
#include "ocp_smtp/facts.h"
#include "ocp_smtp/http.h"
#include "ocp_smtp/json.h"
#include "ocp_smtp/json_writer.h"
#include "ocp_smtp/kv.h"
#include "ocp_smtp/memory.h"
#include "ocp_smtp/message.h"
#include "ocp_smtp/notify.h"
#include "ocp_smtp/part.h"
#include "ocp_smtp/scan.h"
#include "ocp_smtp/secure.h"
#include "ocp_smtp/settings.h"
#include "ocp_smtp/signing.h"
#include "ocp_smtp/state.h"
#include "ocp_smtp/text.h"

#define OCP_EXPORT(name) __attribute__((export_name(#name))) int name(void)

OCP_EXPORT(configure);
OCP_EXPORT(on_connect);
OCP_EXPORT(on_helo);
OCP_EXPORT(on_starttls);
OCP_EXPORT(on_auth);
OCP_EXPORT(on_mail);
OCP_EXPORT(on_rcpt);
OCP_EXPORT(on_data);
OCP_EXPORT(on_message);
OCP_EXPORT(on_report);

/* Never called. Weak, so that a filter of several files may include this in each. */
__attribute__((export_name("ocp_smtp_abi_1"), weak)) void ocp_smtp_abi_1(void) {}

#endif
