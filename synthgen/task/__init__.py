"""What a task is. One import for whoever writes one: `from synthgen.task import Task, TaskParams, Rows, kernel`.

Read in this order: `contract` (what a task must have), `rows` (what it makes), `phrases` (text as numbers), `verdict`
(what it says of a row), `ids`, `answers`, `markup` and `judging` (what is judged, and how), `picture` (what a row looks
like), `columns` and `arrow` (rows as Arrow), `files` (whole or not there), `assets` (files that params name), and the
room `kit`.
"""

from synthgen.exact.bits import Bits as Bits
from synthgen.exact.bits import Status as Status
from synthgen.exact.draw import Draw as Draw
from synthgen.exact.draw import Keys as Keys
from synthgen.exact.entropy import Book as Book
from synthgen.exact.entropy import Entropy as Entropy
from synthgen.exact.jit import kernel as kernel
from synthgen.exact.ledger import UNITS_PER_BIT as UNITS_PER_BIT
from synthgen.exact.ledger import log2_big as log2_big
from synthgen.task.contract import Certificate as Certificate
from synthgen.task.contract import SplitBy as SplitBy
from synthgen.task.contract import Task as Task
from synthgen.task.contract import TaskParams as TaskParams
from synthgen.task.contract import WindowComponent as WindowComponent
from synthgen.task.fidelity import Deviation as Deviation
from synthgen.task.judging import NUMBER as NUMBER
from synthgen.task.judging import Final as Final
from synthgen.task.kit.capacity import Knowledge as Knowledge
from synthgen.task.phrases import Codes as Codes
from synthgen.task.phrases import PhraseTable as PhraseTable
from synthgen.task.picture import Bar as Bar
from synthgen.task.picture import Cell as Cell
from synthgen.task.picture import Graph as Graph
from synthgen.task.picture import Kind as Kind
from synthgen.task.picture import Link as Link
from synthgen.task.picture import Node as Node
from synthgen.task.picture import Parse as Parse
from synthgen.task.picture import Passage as Passage
from synthgen.task.picture import Picture as Picture
from synthgen.task.picture import Span as Span
from synthgen.task.picture import Table as Table
from synthgen.task.probing import Glimpse as Glimpse
from synthgen.task.probing import Probing as Probing
from synthgen.task.rows import Rows as Rows
from synthgen.task.rows import Tokens as Tokens
from synthgen.task.rows import Vocab as Vocab
from synthgen.task.verdict import Misread as Misread
from synthgen.task.verdict import Reread as Reread
from synthgen.task.verdict import Verdict as Verdict

__all__ = [
    "NUMBER",
    "UNITS_PER_BIT",
    "Bar",
    "Bits",
    "Book",
    "Cell",
    "Certificate",
    "Codes",
    "Deviation",
    "Draw",
    "Entropy",
    "Final",
    "Glimpse",
    "Graph",
    "Keys",
    "Kind",
    "Knowledge",
    "Link",
    "Misread",
    "Node",
    "Parse",
    "Passage",
    "PhraseTable",
    "Picture",
    "Probing",
    "Reread",
    "Rows",
    "Span",
    "SplitBy",
    "Status",
    "Table",
    "Task",
    "TaskParams",
    "Tokens",
    "Verdict",
    "Vocab",
    "WindowComponent",
    "kernel",
    "log2_big",
]
