"""Install this project for development into the Python that runs this: `python tests/install.py '.[dev]'`.

With uv, which takes half of the time of pip; it reads no settings of pip's, so they are handed on. Where uv is not to be
had, or cannot do it, pip does.
"""

import ast
import os
import subprocess
import sys

PIP = [sys.executable, "-m", "pip"]
QUIET = ["-q", "--disable-pip-version-check", "--no-compile"]

UV_NAMES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
}
"""Settings of pip, and the variables that say the same to uv."""


def pip_settings() -> dict[str, str]:
    """Return what pip is told by its files and by the environment: `global.index-url='https://...'` a line."""
    listed = subprocess.run([*PIP, "config", "list"], capture_output=True, text=True, check=True).stdout
    pairs = (line.partition("=") for line in listed.splitlines())
    return {name.rpartition(".")[2]: str(ast.literal_eval(value)) for name, _, value in pairs if value}


def uv_variables() -> dict[str, str]:
    """Return the environment of uv: pip's settings, but for what the environment says to uv already."""
    said = {UV_NAMES[name]: " ".join(value.split()) for name, value in pip_settings().items() if name in UV_NAMES}
    # as pip does: the best version of all indexes, and not of the first one that has the package
    return {"UV_INDEX_STRATEGY": "unsafe-best-match", **said, **os.environ}


def with_uv(what: list[str]) -> bool:
    """Install with uv; say whether that went well."""
    if subprocess.run([*PIP, "install", *QUIET, "uv"], check=False, stderr=subprocess.DEVNULL).returncode:
        return False
    # --no-cache: two gigabytes less are left behind
    command = [sys.executable, "-m", "uv", "pip", "install", "-q", "--no-cache", "--python", sys.executable, *what]
    return subprocess.run(command, env=uv_variables(), check=False).returncode == 0


def main() -> None:
    """Install what the command line says, editable, under the constraints."""
    what = ["-c", "constraints.txt", "-e", sys.argv[1]]
    if not with_uv(what):
        print("install: uv cannot do it here, so pip does", file=sys.stderr)
        sys.exit(subprocess.run([*PIP, "install", *QUIET, *what], check=False).returncode)


if __name__ == "__main__":
    main()
