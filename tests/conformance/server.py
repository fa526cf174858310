"""The conformance Hub's HTTP: the API on 127.0.0.1, blobs and Xet storage on 127.0.0.2, both on ports of their own.

    with Hub(folder) as hub:
        subprocess.run([...], env=hub.env(home))

Every request is in `hub.log`; `hub.faults.plan(...)` breaks some.
"""

import os
import threading
from http.server import ThreadingHTTPServer

from conformance.api import READER, WRITER, ApiHandler
from conformance.blobs import BlobHandler
from conformance.faults import Faults
from conformance.store import Store

__all__ = ["READER", "WRITER", "Hub"]


class Hub:
    """The server; start it with `with`, or `start` and `stop`."""

    def __init__(self, folder, xet_on=True, multipart_bytes=10**9, page=1000):
        self.store, self.faults, self.log = Store(folder), Faults(), []
        self.xet_on, self.multipart_bytes, self.page = xet_on, multipart_bytes, page
        self.files = {}  # Xet file hash -> terms
        self.api = self._server("127.0.0.1", ApiHandler)
        self.blobs = self._server("127.0.0.2", BlobHandler)
        self.endpoint = f"http://127.0.0.1:{self.api.server_address[1]}"
        self.blob_host = f"http://127.0.0.2:{self.blobs.server_address[1]}"

    def _server(self, host, handler):
        server = ThreadingHTTPServer((host, 0), handler)
        server.daemon_threads = True
        server.hub = self
        return server

    def __enter__(self):
        for server in (self.api, self.blobs):
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        for server in (self.api, self.blobs):
            server.shutdown()
            server.server_close()

    def env(self, home, token=WRITER, with_xet=None):
        """Return the environment of a client; its home is `home`."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
        env |= {"HF_ENDPOINT": self.endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1"}
        env |= {
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_ETAG_TIMEOUT": "5",
            "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
            "NO_PROXY": "*",
        }
        if token:
            env["HF_TOKEN"] = token
        if not (self.xet_on if with_xet is None else with_xet):
            env["HF_HUB_DISABLE_XET"] = "1"
        return env

    def repo(self, name):
        return self.store.repos[name]

    def uploads(self):
        """Return the requests that brought bytes: LFS blobs, their parts, or Xet blocks."""
        brought = ("/upload/", "/part/", "/cas/v1/xorbs/")
        return [one for one in self.log if one.path.startswith(brought) and one.status == 200]
