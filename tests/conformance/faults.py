"""Faults on order: which request, how often, and what goes wrong with it."""

import re
import threading
from dataclasses import dataclass, field


@dataclass
class Fault:
    """What happens to requests whose "METHOD path" matches `pattern`, `times` times after `skip` of them.

    `kind` is status (a reply with `status` and `headers`), reset (the connection breaks before anything is read),
    cut (it breaks in the middle of the body), lost (it takes effect and the reply is lost), truncate (half of the
    reply's body comes), delay (`seconds` pass), or call (`action` is called first).
    """

    pattern: str
    kind: str = "status"
    status: int = 503
    headers: dict = field(default_factory=dict)
    times: int = 1
    skip: int = 0
    seconds: float = 0.0
    action: object = None
    seen: int = 0
    done: int = 0


class Faults:
    """The faults that are still to come."""

    def __init__(self):
        self._lock = threading.Lock()
        self.planned = []

    def plan(self, pattern, kind="status", **options):
        fault = Fault(pattern, kind, **options)
        with self._lock:
            self.planned.append(fault)
        return fault

    def take(self, method, path):
        """Return the fault of a request, or None."""
        with self._lock:
            for fault in self.planned:
                if re.search(fault.pattern, f"{method} {path}"):
                    fault.seen += 1
                    if fault.seen > fault.skip and fault.done < fault.times:
                        fault.done += 1
                        return fault
        return None
