"""The Xet storage of the conformance Hub: blocks (xorbs) and the shards that say which chunks make up a file."""

import struct
from itertools import pairwise

import pyarrow as pa

HEADER = 48
END = b"\xff" * 32
VERIFICATION, METADATA = 1 << 31, 1 << 30


def text_of(raw):
    """Return the text form of a 32-byte Xet hash: four little-endian words."""
    return "".join(f"{word:016x}" for word in struct.unpack("<4Q", raw))


def chunks_of(xorb):
    """Return (start, end, unpacked size, scheme) of every chunk of a serialised xorb."""
    found, at = [], 0
    while at + 8 <= len(xorb) and xorb[at : at + 7] not in (b"XETBLOB", b"XBLBHSH"):
        packed = int.from_bytes(xorb[at + 1 : at + 4], "little")
        unpacked = int.from_bytes(xorb[at + 5 : at + 8], "little")
        found.append((at, at + 8 + packed, unpacked, xorb[at + 4]))
        at += 8 + packed
    return found


def unpack(xorb, chunk):
    """Return the bytes of one chunk: stored as they are, LZ4, or LZ4 of four interleaved planes."""
    start, end, size, scheme = chunk
    data = xorb[start + 8 : end]
    if scheme:
        data = pa.Codec("lz4").decompress(data, size).to_pybytes()
    if scheme == 2:
        lengths = [(size + 3 - plane) // 4 for plane in range(4)]
        edges = [0]
        for length in lengths:
            edges.append(edges[-1] + length)
        planes = [data[a:b] for a, b in pairwise(edges)]
        mixed = bytearray(size)
        for plane, part in enumerate(planes):
            mixed[plane::4] = part
        data = bytes(mixed)
    return data


def files_of(shard):
    """Return {file hash: (sha256 or None, [(xorb hash, first chunk, end chunk, bytes)])} of a shard."""
    files, at = {}, HEADER
    while shard[at : at + 32] != END:
        name, flags, entries = text_of(shard[at : at + 32]), *struct.unpack_from("<II", shard, at + 32)
        at += HEADER
        terms = []
        for _ in range(entries):
            _, size, first, end = struct.unpack_from("<4I", shard, at + 32)
            terms.append((text_of(shard[at : at + 32]), first, end, size))
            at += HEADER
        at += HEADER * entries if flags & VERIFICATION else 0
        sha256 = None
        if flags & METADATA:
            sha256 = text_of(shard[at : at + 32])
            at += HEADER
        files[name] = (sha256, terms)
    return files


def assemble(terms, read):
    """Return the bytes of a file; `read` gives a xorb by its hash."""
    parts = []
    for name, first, end, _ in terms:
        xorb = read(name)
        parts += [unpack(xorb, chunk) for chunk in chunks_of(xorb)[first:end]]
    return b"".join(parts)


def reconstruction(terms, read, url, span):
    """Return what a client needs to fetch the bytes [start, stop) of a file, as the storage's second version says it."""
    start, stop = span
    at, skipped, shown, blocks = 0, None, [], {}
    for name, first, end, size in terms:
        if at < stop and at + size > start:
            skipped = start - at if skipped is None else skipped
            chunks = chunks_of(read(name))
            shown.append({"hash": name, "unpacked_length": size, "range": {"start": first, "end": end}})
            piece = {
                "chunks": {"start": first, "end": end},
                "bytes": {"start": chunks[first][0], "end": chunks[end - 1][1] - 1},
            }
            blocks.setdefault(name, []).append({"url": url(name), "ranges": [piece]})
        at += size
    return {"offset_into_first_range": skipped or 0, "terms": shown, "xorbs": blocks}
