"""Reads messages as JSON lines, octets in base64, and tells the parts without parts that Python's parser finds: type, name, octets."""

import base64
import email
import email.policy
import json
import sys

for line in sys.stdin:
    message = email.message_from_bytes(base64.b64decode(json.loads(line)), policy=email.policy.compat32)
    leaves = []
    for part in message.walk():
        if part.is_multipart():
            continue
        name = part.get_filename()
        leaves.append(
            {
                "type": part.get_content_type(),
                "name": "" if name is None else str(name),
                "octets": base64.b64encode(part.get_payload(decode=True) or b"").decode(),
            }
        )
    defects = sorted({type(defect).__name__ for part in message.walk() for defect in part.defects})
    print(json.dumps({"leaves": leaves, "defects": defects}), flush=True)
