"""Commands on a real terminal, a pty of some columns: what stands on it, line by line."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

DRIVER = """
import sys
from synthgen.cli import main
for command in {commands!r}:
    sys.argv = ["synthgen", *command]
    print("\\n@@@", *command)
    try:
        main()
    except SystemExit as ended:
        assert ended.code in (None, 0, 1), command
"""


def on_a_terminal(commands, columns, folder=None):
    """Return what each command says on a terminal so wide, in a folder: its lines, without colours."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    env = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    running = subprocess.Popen(
        [sys.executable, "-c", DRIVER.format(commands=commands)],
        stdin=follower, stdout=follower, stderr=subprocess.PIPE, cwd=folder, env=env | {"TERM": "xterm-256color"},
    )  # fmt: skip
    os.close(follower)
    said = b""
    while True:
        try:
            chunk = os.read(leader, 65536)
        except OSError:  # how a pty ends
            break
        if not chunk:
            break
        said += chunk
    os.close(leader)
    errors = running.stderr.read()
    running.stderr.close()
    assert running.wait(60) == 0, errors
    assert b"\x1b[" in said, "or it is no terminal"
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", said.decode()).replace("\r\n", "\n")
    parts = text.split("\n@@@ ")[1:]
    return {command: part.split("\n")[1:] for command, part in zip(commands, parts, strict=True)}


def words_of(text):
    """Return what is said, but for the latents that a screen cuts short."""
    text = re.sub(r"(?ms)^made from\n.*?\n\n", "", text + "\n\n")
    return text.split()


def assert_whole(said, columns):
    """Nothing stands past the edge of a terminal, no line ends in blanks, and no word is broken by a hyphen or cut."""
    for command, lines in said.items():
        assert max(map(len, lines)) <= columns, command
        assert [line for line in lines if line != line.rstrip()] == [], command
        assert not re.search(r"\d…|\w-$|…\d", "\n".join(lines), re.M), command
