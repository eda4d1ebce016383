"""Prints as JSON what Python's email module makes of the message on standard input."""

import email
import email.policy
import json
import sys

message = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)


def describe(part):
    described = {"type": part.get_content_type(), "name": part.get_filename()}
    if part.get_content_type() == "message/delivery-status":
        described["status"] = [dict(block.items()) for block in part.get_payload()]
    elif not part.is_multipart():
        described["text"] = part.get_payload(decode=True).decode("latin-1")
    return described


parts = list(message.walk())
json.dump(
    {
        "header": {name.lower(): str(value) for name, value in message.items()},
        "reportType": message.get_param("report-type"),
        "parts": [describe(part) for part in parts],
        "defects": [repr(defect) for part in parts for defect in part.defects],
    },
    sys.stdout,
)
