"""What a task is. One import for whoever writes one: `from synthgen.task import Task, TaskParams, Rows, kernel`.

Read in this order: `contract` (what a task must have), `phrases` (text as numbers), `columns` and `arrow` (rows as
Arrow), `assets` (files that params name), and the room `kit`.
"""

from synthgen.exact.draw import Draw as Draw
from synthgen.exact.draw import Keys as Keys
from synthgen.exact.entropy import Bits as Bits
from synthgen.exact.entropy import Book as Book
from synthgen.exact.entropy import Entropy as Entropy
from synthgen.exact.jit import kernel as kernel
from synthgen.task.contract import Certificate as Certificate
from synthgen.task.contract import Rows as Rows
from synthgen.task.contract import Task as Task
from synthgen.task.contract import TaskParams as TaskParams
from synthgen.task.contract import Tokens as Tokens
from synthgen.task.contract import Verdict as Verdict
from synthgen.task.contract import Vocab as Vocab
from synthgen.task.contract import misstated as misstated
from synthgen.task.contract import never_raises as never_raises
from synthgen.task.phrases import Codes as Codes
from synthgen.task.phrases import PhraseTable as PhraseTable

__all__ = [
    "Bits",
    "Book",
    "Certificate",
    "Codes",
    "Draw",
    "Entropy",
    "Keys",
    "PhraseTable",
    "Rows",
    "Task",
    "TaskParams",
    "Tokens",
    "Verdict",
    "Vocab",
    "kernel",
    "misstated",
    "never_raises",
]
