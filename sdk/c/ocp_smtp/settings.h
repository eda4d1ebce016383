#ifndef OCP_SMTP_SETTINGS_H
#define OCP_SMTP_SETTINGS_H

#include "extism.h"
#include "json.h"

/* The service's settings as the operator wrote them. Readable in every call, `configure` included. */
static inline const json *settings(void) {
  static const json *parsed = NULL;
  if (parsed != NULL) return parsed;
  text octets = ocp_read_config(TEXT("settings"));
  parsed = octets.size == 0 ? &ocp_missing : json_parse(octets);
  if (parsed == NULL) fail(TEXT("Cannot read the settings: not JSON, or nested deeper than 64"));
  return parsed;
}

/* Ends `configure`: an empty text says that the settings are good, anything else is shown to the operator. */
static inline int configured(text problem) {
  if (problem.size > 0) ocp_write_output(problem);
  return 0;
}

#endif
