"""What the conformance Hub keeps: repositories of commits, branches, tags and pull requests; blobs in a folder."""

import hashlib
import threading
from dataclasses import dataclass, field

LARGE = (".parquet", ".arrow", ".png", ".bin", ".safetensors")
LARGE_BYTES = 10_000_000


@dataclass(frozen=True)
class Blob:
    """A file of a commit. `oid` is git's id, of the bytes or, for a large file, of its LFS pointer."""

    oid: str
    size: int
    sha256: str | None = None

    def to_json(self, path, xet=None):
        item = {"type": "file", "path": path, "oid": self.oid, "size": self.size}
        if self.sha256:
            item["lfs"] = {"oid": self.sha256, "size": self.size, "pointerSize": len(pointer(self.sha256, self.size))}
            if xet:
                item["xetHash"] = xet
        return item


@dataclass
class Commit:
    oid: str
    parent: str | None
    title: str
    tree: dict


@dataclass
class Discussion:
    num: int
    title: str
    base: str
    status: str = "draft"
    merged_as: str | None = None


@dataclass
class Repo:
    name: str
    private: bool = False
    commits: dict = field(default_factory=dict)
    branches: dict = field(default_factory=dict)
    tags: dict = field(default_factory=dict)
    pulls: dict = field(default_factory=dict)  # number -> commit
    discussions: list = field(default_factory=list)
    kind: str = "dataset"

    @property
    def address(self):
        """Where its pages are."""
        return self.name if self.kind == "model" else f"{self.kind}s/{self.name}"

    def resolve(self, revision):
        """Return the commit id of a branch, tag, refs/pr/N or commit; None if there is none."""
        if revision.startswith("refs/pr/"):
            return self.pulls.get(int(revision[8:]))
        revision = revision.removeprefix("refs/heads/")
        found = self.branches.get(revision) or self.tags.get(revision)
        if found:
            return found
        return next((oid for oid in self.commits if len(revision) >= 7 and oid.startswith(revision)), None)

    def add(self, parent, title, tree):
        """Make a commit; return its id."""
        text = repr((self.name, parent, title, sorted((p, b.oid) for p, b in tree.items()), len(self.commits)))
        oid = hashlib.sha1(text.encode()).hexdigest()
        self.commits[oid] = Commit(oid, parent, title, dict(tree))
        return oid

    def move(self, revision, oid):
        if revision.startswith("refs/pr/"):
            self.pulls[int(revision[8:])] = oid
        else:
            self.branches[revision.removeprefix("refs/heads/")] = oid

    def tree(self, revision):
        return self.commits[self.resolve(revision)].tree

    def merge(self, discussion):
        """Merge a pull request file by file; return the conflicting paths, none if it is merged."""
        base, theirs = self.commits[discussion.base].tree, self.commits[self.pulls[discussion.num]].tree
        ours = self.tree("main")
        conflicts, merged = [], dict(ours)
        for path in set(base) | set(theirs):
            if theirs.get(path) == base.get(path):
                continue
            if ours.get(path) not in (base.get(path), theirs.get(path)):
                conflicts.append(path)
            elif path in theirs:
                merged[path] = theirs[path]
            else:
                merged.pop(path, None)
        if not conflicts:
            oid = self.add(self.branches["main"], f"Merge pull request {discussion.num}", merged)
            self.branches["main"] = oid
            discussion.status, discussion.merged_as = "merged", oid
        return conflicts


class Store:
    """All repositories, and the bytes of all files in a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.lock = threading.RLock()
        self.repos = {}
        self.collections = {}  # by slug
        self.xet = {}  # sha256 -> Xet hash of the file
        for part in ("regular", "large", "parts", "xorbs"):
            (folder / part).mkdir(parents=True, exist_ok=True)

    @staticmethod
    def key(name, kind):
        """Return what a repository is kept under: a dataset's name, or another's behind its kind."""
        return name if kind == "dataset" else f"{kind}s/{name}"

    def create(self, name, private, kind="dataset"):
        repo = self.repos[self.key(name, kind)] = Repo(name, private, kind=kind)
        blob = self.put_regular(b"*.parquet filter=lfs diff=lfs merge=lfs -text\n")
        repo.branches["main"] = repo.add(None, "initial commit", {".gitattributes": blob})
        return repo

    def put_regular(self, data):
        oid = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        (self.folder / "regular" / oid).write_bytes(data)
        return Blob(oid, len(data))

    def large_path(self, sha256):
        return self.folder / "large" / sha256

    def put_large(self, data, sha256):
        """Keep a large file; return whether its hash is right."""
        if hashlib.sha256(data).hexdigest() != sha256:
            return False
        self.large_path(sha256).write_bytes(data)
        return True

    def large_blob(self, sha256, size):
        text = pointer(sha256, size)
        return Blob(hashlib.sha1(b"blob %d\0" % len(text) + text).hexdigest(), size, sha256)

    def read(self, blob):
        path = self.large_path(blob.sha256) if blob.sha256 else self.folder / "regular" / blob.oid
        return path.read_bytes()


def pointer(sha256, size):
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()


def is_large(path, size):
    return path.endswith(LARGE) or size > LARGE_BYTES
