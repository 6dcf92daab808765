"""A mail server that answers as it is told, and keeps what it takes. Prints its port; ends with its standard input."""

import asyncio
import json
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

told = json.loads(sys.argv[1])
folder = pathlib.Path(told["folder"])


class Handler:
    def __init__(self):
        self.kept = 0

    @staticmethod
    def next(answers):
        return answers.pop(0) if answers else None

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = self.next(told["rcpt"])
        if answer == "cut":
            server.transport.abort()
            return "421 cut"
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        answer = self.next(told["data"])
        if answer == "hang":
            await asyncio.sleep(1e6)
        if answer and answer != "keep and cut":
            return answer
        self.kept += 1
        (folder / f"{self.kept}.eml").write_bytes(envelope.content)
        about = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "hello": session.host_name,
            "tls": session.ssl is not None or told["tls"] == "implicit",
            "user": session.auth_data and session.auth_data.decode(),
        }
        (folder / f"{self.kept}.json").write_text(json.dumps(about))
        if answer == "keep and cut":
            server.transport.abort()
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    if [data.login.decode(), data.password.decode()] == told["credentials"]:
        return AuthResult(success=True, auth_data=data.login)
    return AuthResult(success=False, handled=False)


def context():
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(folder / "server.pem")
    return made


async def main():
    options = {"hostname": "mail.test", "enable_SMTPUTF8": False}
    if told["tls"] == "starttls":
        options |= {"tls_context": context(), "require_starttls": True}
    if told["credentials"]:
        options |= {"authenticator": authenticate, "auth_required": True}
        options |= {"auth_require_tls": told["tls"] == "starttls"}
    loop = asyncio.get_running_loop()
    handler = Handler()
    server = await loop.create_server(
        lambda: SMTP(handler, loop=loop, **options),
        "127.0.0.1",
        0,
        ssl=context() if told["tls"] == "implicit" else None,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
