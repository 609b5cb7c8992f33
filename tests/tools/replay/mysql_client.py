"""As little of MySQL's protocol as a test needs: connect, one statement at a time, rows of text."""

import socket
import struct

CAPABILITIES = 0x1 | 0x8 | 0x200 | 0x8000 | 0x80000
"""Long passwords, a database, protocol 4.1, secure connection, plugin authentication."""


class Error(Exception):
    """The server refused: the number, then its words."""


class Connection:
    def __init__(self, host: str, port: int, user: str, password: str, database: str) -> None:
        self.socket = socket.create_connection((host, port), 5)
        self.stream = self.socket.makefile("rb")
        self.packet()
        answer = struct.pack("<IIB23x", CAPABILITIES, 1 << 24, 45)
        secret = password.encode()[:20]
        answer += user.encode() + b"\0" + bytes([len(secret)]) + secret + database.encode() + b"\0"
        self.send(answer + b"mysql_native_password\0", 1)
        self.checked(self.packet())

    def send(self, data: bytes, number: int = 0) -> None:
        self.socket.sendall(struct.pack("<I", len(data))[:3] + bytes([number]) + data)

    def packet(self) -> bytes:
        head = self.stream.read(4)
        return self.stream.read(int.from_bytes(head[:3], "little"))

    def checked(self, packet: bytes) -> bytes:
        if packet[:1] == b"\xff":
            raise Error(f"{int.from_bytes(packet[1:3], 'little')} {packet[9:].decode()}")
        return packet

    def query(self, statement: str) -> list[list[str | None]]:
        self.send(b"\x03" + statement.encode())
        columns = self.checked(self.packet())[0]
        if columns == 0:
            return []
        for _ in range(columns + 1):
            self.packet()
        rows = []
        while (packet := self.checked(self.packet()))[:1] != b"\xfe":
            rows.append(list(fields(packet)))
        return rows


def fields(packet: bytes):  # type: ignore[no-untyped-def]
    at = 0
    while at < len(packet):
        length, at = packet[at], at + 1
        yield None if length == 0xFB else packet[at : at + length].decode()
        at += 0 if length == 0xFB else length


def connect(host: str, port: int, user: str, password: str, database: str) -> Connection:
    return Connection(host, port, user, password, database)
