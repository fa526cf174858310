"""The conformance Hub's storage host: LFS blobs behind signed addresses, and Xet storage behind its own tokens."""

import json
import re

from conformance import xet
from conformance.handler import Handler, Reply, as_json


class BlobHandler(Handler):
    """The storage host: LFS blobs by signed addresses, and Xet storage with its own tokens."""

    def route(self):
        parts = self.route_path.strip("/").split("/")
        if parts[0] == "cas":
            if not self.headers.get("Authorization", "").startswith("Bearer xet-"):
                raise Reply(401, "no storage token")
            return self.cas(parts[1:])
        if self.query.get("signature") != ["secret"]:
            raise Reply(403, "signature does not match")
        kind, oid = parts[0], parts[1]
        if self.command in ("GET", "HEAD") and kind == "blob":
            return self.ranged(self.store.large_path(oid).read_bytes(), {"ETag": f'"{oid}"'})
        if self.command == "GET" and kind == "xorb":
            return self.ranged(self.xorb(oid), {})
        if self.command == "PUT" and kind == "upload":
            if not self.store.put_large(self.body, oid):
                raise Reply(400, "the bytes are not those of the SHA-256")
            return 200, {}, b""
        if self.command == "PUT" and kind == "part":
            (self.store.folder / "parts" / f"{oid}-{int(parts[2]):05d}").write_bytes(self.body)
            return 200, {"ETag": f'"{parts[2]}"'}, b""
        if self.command == "POST" and kind == "complete":
            found = sorted((self.store.folder / "parts").glob(f"{oid}-*"))
            asked = json.loads(self.body)["parts"]
            if len(found) != len(asked) or not self.store.put_large(b"".join(p.read_bytes() for p in found), oid):
                raise Reply(400, "parts are missing")
            return as_json({})
        raise Reply(404, "no such blob")

    def xorb(self, name):
        return (self.store.folder / "xorbs" / name).read_bytes()

    def cas(self, parts):
        what = "/".join(parts[:2])
        if self.command == "POST" and what == "v1/xorbs":
            path = self.store.folder / "xorbs" / parts[-1]
            new = not path.exists()
            path.write_bytes(self.body)
            return as_json({"was_inserted": new})
        if self.command == "POST" and what == "v1/shards":
            for name, (sha256, terms) in xet.files_of(self.body).items():
                self.hub.files[name] = terms
                data = xet.assemble(terms, self.xorb)
                if sha256 is None or not self.store.put_large(data, sha256):
                    raise Reply(400, f"file {name}: its bytes are not those of the SHA-256")
                self.store.xet[sha256] = name
            return as_json({"result": 1})
        if self.command == "GET" and what == "v2/reconstructions":
            terms = self.hub.files.get(parts[-1])
            if terms is None:
                raise Reply(404, "no such file")
            size = sum(term[3] for term in terms)
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            start = int(asked[1]) if asked else 0
            stop = min(int(asked[2]) + 1, size) if asked and asked[2] else size
            if start >= size:
                raise Reply(416, "no such range")
            return as_json(
                xet.reconstruction(
                    terms, self.xorb, lambda name: f"{self.hub.blob_host}/xorb/{name}?signature=secret", (start, stop)
                )
            )
        raise Reply(404, f"no route for {self.command} {self.route_path}")
