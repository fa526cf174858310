"""The conformance Hub's API: repositories, commits, pull requests, refs, LFS batches and `resolve`."""

import base64
import json
import re
import time
from urllib.parse import parse_qs, quote, unquote

from conformance.handler import Handler, Reply, as_json
from conformance.store import Discussion, is_large

DATE = "2026-01-01T00:00:00.000Z"
TOKENS = {"hf_conformanceWriteToken": "write", "hf_conformanceReadToken": "read"}
WRITER, READER = TOKENS


class ApiHandler(Handler):
    """The Hub's API, LFS batches, and `resolve`."""

    def route(self):
        for method, pattern, name in ROUTES:
            found = re.fullmatch(pattern, self.route_path)
            if found and self.command in method.split():
                groups = {key: unquote(value) for key, value in found.groupdict().items() if value is not None}
                if "repo" in groups:
                    groups["repo"] = self.find(groups["repo"], groups.pop("type", "models").rstrip("s"))
                return getattr(self, name)(**groups)
        raise Reply(404, f"no route for {self.command} {self.route_path}")

    # -- who and what -------------------------------------------------------------------------------------------------

    def role(self):
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token and token not in TOKENS:
            raise Reply(401, "Invalid credentials in Authorization header")
        return TOKENS.get(token)

    def must_write(self):
        if self.role() is None:
            raise Reply(401, "Invalid username or password.")
        if self.role() != "write":
            raise Reply(403, "you must use a write token to upload to a repository.")

    def find(self, name, kind):
        role = self.role()
        repo = self.store.repos.get(self.store.key(name, kind))
        if repo is None or (repo.private and role is None):
            raise Reply(404 if role else 401, "Repository not found", "RepoNotFound")
        return repo

    def revision(self, repo, rev):
        oid = repo.resolve(rev)
        if oid is None:
            raise Reply(404, f"Invalid rev id: {rev}", "RevisionNotFound")
        return oid

    def json(self):
        return json.loads(self.body or b"{}")

    def whoami(self):
        if self.role() is None:
            raise Reply(401, "Invalid username or password.")
        return as_json({"type": "user", "name": "org", "orgs": [], "auth": {"accessToken": {"role": self.role()}}})

    def create_repo(self):
        self.must_write()
        asked = self.json()
        name = f"{asked.get('organization') or 'org'}/{asked['name']}"
        kind = asked.get("type") or "model"
        url = f"{self.hub.endpoint}/{'' if kind == 'model' else kind + 's/'}{name}"
        if not name.startswith("org/"):
            raise Reply(403, f"You don't have the rights to create a {kind} under the namespace {name.split('/')[0]}")
        if kind == "space" and asked.get("sdk") not in ("static", "gradio", "docker"):
            raise Reply(400, "a Space needs an sdk")
        if self.store.key(name, kind) in self.store.repos:
            return 409, {"Content-Type": "application/json"}, json.dumps({"error": "exists", "url": url}).encode()
        self.store.create(name, bool(asked.get("private") or asked.get("visibility") == "private"), kind)
        return as_json({"url": url, "name": name})

    def validate_yaml(self):
        text = self.json()["content"]
        return as_json({"errors": [] if text.startswith("---") else [{"message": "no metadata"}], "warnings": []})

    def info(self, repo, rev="main"):
        oid = self.revision(repo, rev)
        tree = repo.commits[oid].tree
        siblings = [{"rfilename": path} for path in sorted(tree)]
        return as_json(
            {"id": repo.name, "modelId": repo.name, "author": "org", "sha": oid, "private": repo.private, "gated": False, "disabled": False,
             "tags": [], "downloads": 0, "likes": 0, "lastModified": DATE, "createdAt": DATE, "siblings": siblings}
        )  # fmt: skip

    def tree(self, repo, rev, path=""):
        tree = repo.commits[self.revision(repo, rev)].tree
        recursive = self.query.get("recursive", [""])[0].lower() in ("1", "true")
        prefix = f"{path.rstrip('/')}/" if path else ""
        own = {p: b for p, b in sorted(tree.items()) if p.startswith(prefix)}
        if path and not own:
            raise Reply(404, f"{path} does not exist", "EntryNotFound")
        items, folders = [], set()
        for name, blob in own.items():
            below = name.removeprefix(prefix).split("/")[:-1]
            for depth in range(1, len(below) + 1):
                if depth > 1 and not recursive:
                    break
                folders.add(prefix + "/".join(below[:depth]))
            if recursive or not below:
                items.append(blob.to_json(name, self.store.xet.get(blob.sha256)))
        items += [{"type": "directory", "path": folder, "oid": "0" * 40, "size": 0} for folder in sorted(folders)]
        at = int(self.query.get("cursor", ["0"])[0])
        page, headers = items[at : at + self.hub.page], {}
        if at + self.hub.page < len(items):
            query = f"recursive={recursive}&cursor={at + self.hub.page}"
            headers["Link"] = f'<{self.hub.endpoint}{self.route_path}?{query}>; rel="next"'
        return as_json(page, headers)

    def paths_info(self, repo, rev):
        tree = repo.commits[self.revision(repo, rev)].tree
        asked = parse_qs(self.body.decode())
        items = []
        for path in asked.get("paths", []):
            path = path.strip("/")
            if path in tree:
                items.append(tree[path].to_json(path, self.store.xet.get(tree[path].sha256)))
            elif any(p.startswith(f"{path}/") for p in tree):
                items.append({"type": "directory", "path": path, "oid": "0" * 40, "size": 0})
        return as_json(items)

    def refs(self, repo):
        def listed(names, kind):
            return [{"name": n, "ref": f"refs/{kind}/{n}", "targetCommit": oid} for n, oid in names.items()]

        return as_json(
            {"branches": listed(repo.branches, "heads"), "tags": listed(repo.tags, "tags"), "converts": [],
             "pullRequests": listed({str(n): oid for n, oid in repo.pulls.items()}, "pr")}
        )  # fmt: skip

    def history(self, repo, rev):
        found, oid = [], self.revision(repo, rev)
        while oid:
            commit = repo.commits[oid]
            found.append({"id": oid, "title": commit.title, "message": "", "date": DATE, "authors": [{"user": "org"}]})
            oid = commit.parent
        return as_json(found)

    # -- writing ------------------------------------------------------------------------------------------------------

    def preupload(self, repo, rev):
        self.must_write()
        tree = repo.commits[self.revision(repo, rev)].tree
        modes = []
        for file in self.json()["files"]:
            there = tree.get(file["path"])
            mode = "lfs" if is_large(file["path"], file["size"]) else "regular"
            oid = {"oid": there.sha256 or there.oid} if there else {}
            modes.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, **oid})
        return as_json({"files": modes})

    def lfs_batch(self, repo):
        self.must_write()
        asked, objects, transfer = self.json(), [], "basic"
        for thing in asked["objects"]:
            oid, size = thing["oid"], thing["size"]
            if self.store.large_path(oid).exists():
                objects.append({"oid": oid, "size": size})
                continue
            upload = {"href": f"{self.hub.blob_host}/upload/{oid}?signature=secret"}
            if size > self.hub.multipart_bytes and "multipart" in asked["transfers"]:
                transfer = "multipart"
                parts = -(-size // self.hub.multipart_bytes)
                upload = {"href": f"{self.hub.blob_host}/complete/{oid}?signature=secret", "header": {
                    "chunk_size": str(self.hub.multipart_bytes),
                    **{f"{i:05d}": f"{self.hub.blob_host}/part/{oid}/{i}?signature=secret" for i in range(1, parts + 1)},
                }}  # fmt: skip
            verify = {"href": f"{self.hub.endpoint}/verify"}
            objects.append({"oid": oid, "size": size, "actions": {"upload": upload, "verify": verify}})
        return as_json({"transfer": transfer, "objects": objects})

    def verify(self):
        self.must_write()
        asked = self.json()
        path = self.store.large_path(asked["oid"])
        if not path.exists() or path.stat().st_size != asked["size"]:
            raise Reply(404, "not uploaded")
        return as_json({})

    def commit(self, repo, rev):
        self.must_write()
        head = self.revision(repo, rev)
        lines = [json.loads(line) for line in self.body.splitlines() if line.strip()]
        header = lines[0]["value"]
        parent = header.get("parentCommit")
        if parent and not head.startswith(parent):
            raise Reply(412, "A commit has happened since. Please refresh and try again.")
        tree = dict(repo.commits[head].tree)
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "file":
                tree[value["path"]] = self.store.put_regular(base64.b64decode(value["content"]))
            elif line["key"] == "lfsFile":
                if not self.store.large_path(value["oid"]).exists():
                    raise Reply(400, f"Your push was rejected: {value['path']} points to a file that was not uploaded")
                tree[value["path"]] = self.store.large_blob(
                    value["oid"], self.store.large_path(value["oid"]).stat().st_size
                )
            elif line["key"] == "deletedFile":
                if value["path"] not in tree:
                    raise Reply(404, "A file with this name doesn't exist", "EntryNotFound")
                del tree[value["path"]]
            elif line["key"] == "deletedFolder":
                tree = {p: b for p, b in tree.items() if not p.startswith(value["path"].rstrip("/") + "/")}
        oid = repo.add(head, header["summary"], tree)
        repo.move(rev, oid)
        url = f"{self.hub.endpoint}/{repo.address}/commit/{oid}"
        return as_json({"success": True, "commitOid": oid, "commitUrl": url, "hookOutput": ""})

    def tag(self, repo, rev):
        self.must_write()
        if self.command == "DELETE":
            repo.tags.pop(rev)
            return as_json({})
        name, oid = self.json()["tag"], self.revision(repo, rev)
        if name in repo.tags:
            raise Reply(409, "Tag reference exists already")
        repo.tags[name] = oid
        return as_json({})

    def branch(self, repo, rev):
        self.must_write()
        if self.command == "DELETE":
            repo.branches.pop(rev)
        elif rev in repo.branches:
            raise Reply(409, "Reference already exists")
        else:
            repo.branches[rev] = self.revision(repo, self.json().get("startingPoint") or "main")
        return as_json({})

    def settings(self, repo):
        self.must_write()
        repo.private = bool(self.json().get("private", repo.private))
        return as_json({"private": repo.private})

    # -- pull requests ------------------------------------------------------------------------------------------------

    def discussions(self, repo):
        if self.command == "GET":
            listed = [self.summary(repo, one) for one in reversed(repo.discussions)]
            return as_json({"discussions": listed, "count": len(listed), "start": 0})
        self.must_write()
        number = len(repo.discussions) + 1
        base = repo.branches["main"]
        repo.discussions.append(Discussion(number, self.json()["title"], base))
        repo.pulls[number] = base
        return as_json({"num": number})

    def summary(self, repo, one):
        return {"title": one.title, "num": one.num, "author": {"name": "org"}, "createdAt": DATE, "status": one.status,
                "repo": {"name": repo.name, "type": repo.kind}, "isPullRequest": True}  # fmt: skip

    def details(self, repo, num):
        one = self.discussion(repo, num)
        changes = {"base": "refs/heads/main", **({"mergeCommitId": one.merged_as} if one.merged_as else {})}
        return as_json({**self.summary(repo, one), "events": [], "filesWithConflicts": [], "changes": changes})

    def discussion(self, repo, num):
        if int(num) > len(repo.discussions):
            raise Reply(404, "Discussion not found")
        return repo.discussions[int(num) - 1]

    def status(self, repo, num):
        self.must_write()
        one = self.discussion(repo, num)
        one.status = self.json()["status"]
        event = {"id": "1", "type": "status-change", "createdAt": DATE, "data": {"status": one.status}}
        return as_json({"newStatus": event})

    def merge(self, repo, num):
        self.must_write()
        one = self.discussion(repo, num)
        if one.status != "open":
            raise Reply(400 if one.status != "merged" else 409, f"This pull request is {one.status}")
        conflicts = repo.merge(one)
        if conflicts:
            raise Reply(409, f"conflicts in {', '.join(conflicts)}")
        return as_json({})

    # -- collections --------------------------------------------------------------------------------------------------

    def collections(self):
        if self.command == "GET":
            (owner,) = self.query.get("owner", [""])
            there = [one for one in self.store.collections.values() if one["owner"]["name"] == owner]
            return as_json(
                [{k: v for k, v in (one | {"items": one["items"][:4]}).items() if k != "position"} for one in there]
            )
        self.must_write()
        asked = self.json()
        if asked["namespace"] != "org":
            raise Reply(403, f"You don't have the rights to create a collection under {asked['namespace']}")
        if len(asked["title"]) >= 60 or len(asked.get("description", "")) > 150:
            raise Reply(400, "title or description is too long")
        words = re.sub("[^a-z0-9]+", "-", asked["title"].lower()).strip("-")
        slug = f"org/{words}-{len(self.store.collections):024x}"
        for one in self.store.collections.values():
            if one["title"] == asked["title"]:
                return (
                    409,
                    {"Content-Type": "application/json"},
                    json.dumps({"error": "exists", "slug": one["slug"]}).encode(),
                )
        self.store.collections[slug] = {
            "slug": slug, "title": asked["title"], "description": asked.get("description"), "owner": {"name": "org"},
            "items": [], "lastUpdated": DATE, "position": 0, "private": asked["private"], "theme": "blue", "upvotes": 0,
        }  # fmt: skip
        return as_json(self.store.collections[slug])

    def collection(self, slug):
        if slug not in self.store.collections:
            raise Reply(404, "Collection not found")
        if self.command == "PATCH":
            self.must_write()
            self.store.collections[slug] |= self.json()
            return as_json({"data": self.store.collections[slug]})
        return as_json(self.store.collections[slug])

    def collection_items(self, slug, item=None):
        self.must_write()
        items, asked = self.store.collections[slug]["items"], self.json()
        if item:
            (one,) = [one for one in items if one["_id"] == item]
            one |= {"note": {"text": asked["note"]}} if "note" in asked else {}
            return as_json({"success": True})
        kind, name = asked["item"]["type"], asked["item"]["id"]
        if kind != "paper" and self.store.key(name, kind) not in self.store.repos:
            raise Reply(404, f"{kind} {name} not found")
        if any((one["type"], one["id"]) == (kind, name) for one in items):
            raise Reply(409, "already in the collection")
        note = {"note": {"text": asked["note"]}} if "note" in asked else {}
        items.append({"_id": f"{len(items):024x}", "id": name, "type": kind, "position": len(items), **note})
        return as_json(self.store.collections[slug])

    # -- reading ------------------------------------------------------------------------------------------------------

    def resolve(self, repo, rev, path):
        oid = self.revision(repo, rev)
        headers = {"X-Repo-Commit": oid}
        blob = repo.commits[oid].tree.get(path)
        if blob is None:
            raise Reply(404, "Entry not found", "EntryNotFound", headers)
        if not blob.sha256:
            return self.ranged(self.store.read(blob), {**headers, "ETag": f'"{blob.oid}"'})
        headers |= {"X-Linked-Size": str(blob.size), "X-Linked-ETag": f'"{blob.sha256}"', "ETag": f'"{blob.oid}"'}
        if self.hub.xet_on and blob.sha256 in self.store.xet:
            route = f"{self.hub.endpoint}/api/{repo.kind}s/{repo.name}/xet-read-token/{oid}"
            headers |= {"X-Xet-Hash": self.store.xet[blob.sha256], "Link": f'<{route}>; rel="xet-auth"'}
        location = f"{self.hub.blob_host}/blob/{blob.sha256}?signature=secret&name={quote(path, safe='')}"
        return 302, {**headers, "Location": location}, b""

    def xet_token(self, repo, kind, rev):
        if kind == "write":
            self.must_write()
        self.revision(repo, rev)
        token, until, url = f"xet-{kind}-token", int(time.time()) + 3600, f"{self.hub.blob_host}/cas"
        headers = {"X-Xet-Cas-Url": url, "X-Xet-Access-Token": token, "X-Xet-Token-Expiration": str(until)}
        return as_json({"accessToken": token, "exp": until, "casUrl": url}, headers)


REPO = r"/api/(?P<type>datasets|models|spaces)/(?P<repo>[^/]+/[^/]+)"
PAGE = r"(/(?P<type>datasets|spaces))?/(?P<repo>[^/]+/[^/]+)"
REV = r"(?P<rev>[^/]+)"
ROUTES = [
    ("GET", r"/api/whoami-v2", "whoami"),
    ("POST", r"/api/repos/create", "create_repo"),
    ("POST", r"/api/validate-yaml", "validate_yaml"),
    ("GET POST", r"/api/collections", "collections"),
    ("GET PATCH", r"/api/collections/(?P<slug>[^/]+/[^/]+)", "collection"),
    ("POST", r"/api/collections/(?P<slug>[^/]+/[^/]+)/items", "collection_items"),
    ("PATCH", r"/api/collections/(?P<slug>[^/]+/[^/]+)/items/(?P<item>[^/]+)", "collection_items"),
    ("GET HEAD", REPO, "info"),
    ("GET", rf"{REPO}/revision/{REV}", "info"),
    ("GET", rf"{REPO}/tree/{REV}(/(?P<path>.*))?", "tree"),
    ("POST", rf"{REPO}/paths-info/{REV}", "paths_info"),
    ("GET", rf"{REPO}/refs", "refs"),
    ("GET", rf"{REPO}/commits/{REV}", "history"),
    ("POST", rf"{REPO}/preupload/{REV}", "preupload"),
    ("POST", rf"{REPO}/commit/{REV}", "commit"),
    ("POST DELETE", rf"{REPO}/tag/{REV}", "tag"),
    ("POST DELETE", rf"{REPO}/branch/{REV}", "branch"),
    ("PUT", rf"{REPO}/settings", "settings"),
    ("GET POST", rf"{REPO}/discussions", "discussions"),
    ("GET", rf"{REPO}/discussions/(?P<num>\d+)", "details"),
    ("POST", rf"{REPO}/discussions/(?P<num>\d+)/status", "status"),
    ("POST", rf"{REPO}/discussions/(?P<num>\d+)/merge", "merge"),
    ("GET", rf"{REPO}/xet-(?P<kind>read|write)-token/{REV}", "xet_token"),
    ("POST", rf"{PAGE}\.git/info/lfs/objects/batch", "lfs_batch"),
    ("POST", r"/verify", "verify"),
    ("GET HEAD", rf"{PAGE}/resolve/{REV}/(?P<path>.+)", "resolve"),
]
