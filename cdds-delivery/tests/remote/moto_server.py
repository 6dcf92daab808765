"""Runs moto at a PORT. It takes the tokens of Google's clients, which it does not know, for a proof of Amazon's.

With an ID and a SECRET behind the port it checks signatures, of which those by this key are right. It keeps what it has
over an end by SIGTERM and the next start in the same folder, as a service on a disk does; requests that are under way
are cut off.
"""

import json
import os
import pickle
import signal
import sys
import threading
import time

from moto import settings
from moto.iam.models import iam_backends
from moto.s3.models import s3_backends

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

PROOF = "AWS4-HMAC-SHA256 Credential=S3RVER/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
moto = DomainDispatcherApplication(create_backend_app)
ending = threading.Event()


def take_tokens(environ, start_response):
    if not environ.get("HTTP_AUTHORIZATION", "").startswith("AWS4"):
        environ["HTTP_AUTHORIZATION"] = PROOF
    answer = moto(environ, start_response)
    # What is done behind the end is not kept, so nobody is told of it.
    while ending.is_set():
        time.sleep(1)
    return answer


def check_signatures(key_id, secret):
    users = iam_backends["123456789012"]["aws"]
    users.create_user("us-east-1", user_name="exports")
    key = users.create_access_key("exports")
    key.access_key_id, key.secret_access_key = key_id, secret
    everything = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    users.put_user_policy("exports", "all", json.dumps({"Version": "2012-10-17", "Statement": [everything]}))
    # The first call makes the bucket.
    settings.INITIAL_NO_AUTH_ACTION_COUNT = 1


STATE = "moto.state"


def keep_state():
    buckets, accounts = s3_backends["123456789012"]["aws"].buckets, s3_backends.bucket_accounts
    if os.path.exists(STATE):
        with open(STATE, "rb") as state:
            kept = pickle.load(state)
        buckets.update(kept[0])
        accounts.update(kept[1])

    def end(*_):
        ending.set()
        # Other threads go on meanwhile.
        while True:
            try:
                kept = pickle.dumps((buckets, accounts))
                break
            except RuntimeError:
                continue
        with open(STATE, "wb") as state:
            state.write(kept)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)


keep_state()
if len(sys.argv) > 2:
    check_signatures(*sys.argv[2:])
run_simple("127.0.0.1", int(sys.argv[1]), take_tokens, threaded=True)
