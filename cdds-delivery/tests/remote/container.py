"""Creates a container at Azurite: PORT ACCOUNT KEY NAME. The request is signed with the account's key."""

import base64
import email.utils
import hashlib
import hmac
import sys
import urllib.request

port, account, key, name = sys.argv[1:]
date = email.utils.formatdate(usegmt=True)
path = f"/{account}/{name}"
# Azurite has the account in the path, which is why it comes twice.
signed = f"PUT{chr(10) * 12}x-ms-date:{date}\nx-ms-version:2023-11-03\n/{account}{path}\nrestype:container"
signature = base64.b64encode(hmac.digest(base64.b64decode(key), signed.encode(), hashlib.sha256)).decode()
request = urllib.request.Request(f"http://127.0.0.1:{port}{path}?restype=container", method="PUT")
request.add_header("x-ms-date", date)
request.add_header("x-ms-version", "2023-11-03")
request.add_header("Authorization", f"SharedKey {account}:{signature}")
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
print(opener.open(request).status)
