"""Sends the message on standard input by BDAT, with Python's smtplib, and prints the replies to the chunks as JSON.

Arguments: smtp or lmtp, port, octets of a chunk, BODY, sender, recipients.
"""

import json
import smtplib
import sys

protocol, port, size, body, sender, *recipients = sys.argv[1:]
message = sys.stdin.buffer.read()
client = (smtplib.LMTP if protocol == "lmtp" else smtplib.SMTP)("127.0.0.1", int(port))
client.ehlo()
replies = [client.mail(sender, [f"BODY={body}"])]
replies += [client.rcpt(recipient) for recipient in recipients]
if any(code != 250 for code, _ in replies) or not client.has_extn("chunking"):
    sys.exit(f"refused before the message: {replies}")
replies = []
for at in range(0, len(message), int(size)):
    chunk = message[at : at + int(size)]
    last = at + len(chunk) == len(message)
    client.send(b"BDAT %d%s\r\n" % (len(chunk), b" LAST" if last else b"") + chunk)
    count = len(recipients) if last and protocol == "lmtp" else 1
    replies += [client.getreply() for _ in range(count)]
client.quit()
json.dump([f"{code} {text.decode()}" for code, text in replies], sys.stdout)
