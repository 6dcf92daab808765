"""Runs moto at a PORT. It takes the tokens of Google's clients, which it does not know, for a proof of Amazon's."""

import sys

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

PROOF = "AWS4-HMAC-SHA256 Credential=S3RVER/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
moto = DomainDispatcherApplication(create_backend_app)


def take_tokens(environ, start_response):
    if not environ.get("HTTP_AUTHORIZATION", "").startswith("AWS4"):
        environ["HTTP_AUTHORIZATION"] = PROOF
    return moto(environ, start_response)


run_simple("127.0.0.1", int(sys.argv[1]), take_tokens, threaded=True)
