"""What both hosts of the conformance Hub do with a request: read it, break it on order, answer, log."""

import json
import os
import re
import socket
import struct
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Request:
    """A logged request. `carried` is what stood in its Authorization header."""

    host: str
    method: str
    path: str
    status: int
    body: int
    carried: str


class Reply(Exception):
    """A reply other than the usual one."""

    def __init__(self, status, message="", code="", headers=None):
        self.status, self.message = status, message
        self.headers = {**({"X-Error-Code": code} if code else {}), **(headers or {})}
        self.headers |= {"X-Error-Message": message} if message else {}


class Handler(BaseHTTPRequestHandler):
    """Reading, writing, logging and breaking; subclasses route."""

    protocol_version = "HTTP/1.1"
    timeout = 60

    @property
    def hub(self):
        return self.server.hub

    @property
    def store(self):
        return self.server.hub.store

    def log_message(self, *_):
        pass

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def answer(self):
        url = urlsplit(self.path)
        self.route_path, self.query = url.path, parse_qs(url.query, keep_blank_values=True)
        fault = self.hub.faults.take(self.command, self.path)
        kind = fault.kind if fault else ""
        self.truncate = kind == "truncate"
        self.lose = kind == "lost"
        if kind == "reset":
            return self.break_off(0)
        if kind == "cut":
            length = int(self.headers.get("Content-Length") or 0)
            self.rfile.read(length // 2)
            return self.break_off(length // 2)
        self.body = self.read_body()
        if kind == "delay":
            time.sleep(fault.seconds)
        if kind == "call":
            fault.action()
        try:
            if kind == "status":
                raise Reply(fault.status, "fault on order", headers=fault.headers)
            with self.store.lock:
                done = self.route()
            status, headers, data = done
        except Reply as reply:
            status, headers = reply.status, reply.headers
            data = json.dumps({"error": reply.message}).encode()
        if self.lose:
            return self.break_off(len(self.body))
        return self.reply(status, headers, data)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            data = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def record(self, status, body):
        host = self.server.server_address[0]
        carried = self.headers.get("Authorization", "")
        self.hub.log.append(Request(host, self.command, self.path, status, body, carried))

    def break_off(self, read):
        self.record(0, read)
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.rfile = self.wfile = open(os.devnull, "r+b", buffering=0)  # noqa: SIM115

    def reply(self, status, headers, data):
        self.record(status, len(self.body))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.truncate:
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.wfile.write(data)

    def ranged(self, data, headers):
        """Return bytes, or the range of them that is asked for."""
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        headers = {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes", **headers}
        if not asked:
            return 200, headers, data
        start = int(asked[1])
        stop = min(int(asked[2]) + 1 if asked[2] else len(data), len(data))
        if start >= len(data):
            raise Reply(416, "no such range", headers={"Content-Range": f"bytes */{len(data)}"})
        return 206, {**headers, "Content-Range": f"bytes {start}-{stop - 1}/{len(data)}"}, data[start:stop]


def as_json(value, headers=None):
    return 200, {"Content-Type": "application/json", **(headers or {})}, json.dumps(value).encode()
