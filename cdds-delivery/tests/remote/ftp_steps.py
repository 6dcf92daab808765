"""Runs an FTP server over TLS at a PORT, which tells the test at another one of each command before it is carried out,
of each answer before it is sent, and of each piece of a file. FOLDER has its certificate, and what it serves."""

import socket
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_DTPHandler, TLS_FTPHandler
from pyftpdlib.servers import FTPServer

PORT, STEPS, FOLDER, PASSWORD = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]


def tell(phase, name, path=""):
    with socket.create_connection(("127.0.0.1", STEPS)) as test:
        test.sendall(f"{phase}\t{name}\t{path}\n".encode())
        test.recv(100)


class Data(TLS_DTPHandler):
    def recv(self, size):
        piece = super().recv(size)
        if piece:
            tell("before", "write", self.cmd_channel.asked[1])
        return piece


class Handler(TLS_FTPHandler):
    dtp_handler = Data
    asked = ("connect", "")

    def on_connect(self):
        tell("before", "session")

    def on_disconnect(self):
        tell("after", "session")

    def process_command(self, cmd, *args, **kwargs):
        path = str(args[0]).removeprefix(FOLDER) if args and cmd != "PASS" else ""
        self.asked = (cmd.lower(), path)
        tell("before", *self.asked)
        super().process_command(cmd, *args, **kwargs)

    def respond(self, resp, *args, **kwargs):
        # Answers of 100 and more only tell that a transfer begins.
        if not resp.startswith("1"):
            tell("after", *self.asked)
        super().respond(resp, *args, **kwargs)


authorizer = DummyAuthorizer()
authorizer.add_user("cdds", PASSWORD, f"{FOLDER}/data", perm="elradfmwMT")
Handler.authorizer = authorizer
Handler.certfile = f"{FOLDER}/both.pem"
Handler.tls_control_required = Handler.tls_data_required = True
Handler.auth_failed_timeout = 0
FTPServer(("127.0.0.1", PORT), Handler).serve_forever()
