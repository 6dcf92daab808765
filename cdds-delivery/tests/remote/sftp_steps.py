"""Stands between sshd and its SFTP server, and tells the test at PORT of each request and of each answer before it
passes them on (draft-ietf-secsh-filexfer-02, section 3)."""

import socket
import struct
import subprocess
import sys
import threading

PORT, SERVER = int(sys.argv[1]), "/usr/lib/openssh/sftp-server"
NAMES = {
    1: "init", 3: "open", 4: "close", 5: "read", 6: "write", 7: "lstat", 8: "fstat", 9: "setstat", 10: "fsetstat",
    11: "opendir", 12: "readdir", 13: "remove", 14: "mkdir", 15: "rmdir", 16: "realpath", 17: "stat", 18: "rename",
}
OPEN, EXTENDED, HANDLE = 3, 200, 102
WITH_HANDLE = {4, 5, 6, 8, 10, 12}


def tell(phase, name, path=""):
    with socket.create_connection(("127.0.0.1", PORT)) as test:
        test.sendall(f"{phase}\t{name}\t{path}\n".encode())
        test.recv(100)


def packets(stream):
    while len(head := stream.read(4)) == 4:
        yield stream.read(struct.unpack(">I", head)[0])


def text(packet, at):
    length = struct.unpack(">I", packet[at : at + 4])[0]
    return packet[at + 4 : at + 4 + length].decode("latin-1"), at + 4 + length


def send(stream, packet):
    try:
        stream.write(struct.pack(">I", len(packet)) + packet)
        stream.flush()
    except OSError:
        pass  # The client is gone; what it has asked for is done nevertheless.


asked, handles = {}, {}


def describe(packet):
    kind = packet[0]
    if kind == 1:
        return "init", ""
    first, end = text(packet, 5)
    if kind == EXTENDED:
        return first.split("@")[0], handles.get(text(packet, end)[0], "") if end < len(packet) else ""
    if kind in WITH_HANDLE:
        return NAMES[kind], handles.get(first, "")
    return NAMES[kind], first


def answer(server):
    for packet in packets(server.stdout):
        name, path = asked.pop(packet[1:5], ("init", ""))
        if packet[0] == HANDLE:
            handles[text(packet, 5)[0]] = path
        tell("after", name, path)
        send(sys.stdout.buffer, packet)


tell("before", "session")
server = subprocess.Popen([SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
answers = threading.Thread(target=answer, args=[server])
answers.start()
for packet in packets(sys.stdin.buffer):
    name, path = describe(packet)
    if packet[0] != 1:
        asked[packet[1:5]] = (name, path)
    tell("before", name, path)
    send(server.stdin, packet)
server.stdin.close()
answers.join()
server.wait()
tell("after", "session")
