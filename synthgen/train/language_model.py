"""Language models that are not ours: what measures, scores and probes ask of a model, and how any model gives it.

    model = FromLogits(my_function, vocabulary=100, context=512)    # (batch, tokens) ids -> (batch, tokens, 100) logits
    measure(model, corpus)                                          # as one of ours

A class of one's own is trained by its dotted path, `synthgen train SPEC --model my.module:Model`. The contract:

    class Model(torch.nn.Module):
        def __init__(self, settings: ModelSettings, vocabulary: int): ...
        def forward(self, ids, documents=None): ...

`ids` and `documents` are (batch, tokens) int64; the result is the logits, (batch, tokens, vocabulary). `settings` are
the run's `model.*`, of which a class takes what it likes. `documents` numbers the documents in a window, and is given
only where attention is not to cross them. `train.seed` decides what torch draws in `__init__`.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from synthgen.errors import SynthgenError
from synthgen.train.settings import ModelSettings


@dataclass(frozen=True)
class Shape:
    """What is asked of a model's settings: the longest window, and the width of its states (0: unknown)."""

    context: int
    width: int = 0


class LanguageModel(Protocol):
    """What is asked of a model: ours, one of `transformers`, or any with logits."""

    @property
    def settings(self) -> Any:
        """Its shape: at least `context` and `width`."""

    @property
    def vocabulary(self) -> int:
        """How many ids it knows."""

    @property
    def training(self) -> bool:
        """Whether it is being trained."""

    @property
    def __call__(self) -> Callable[..., Any]:
        """Return logits as `synthgen.train.model.Transformer` does, given ids and perhaps `documents` and `at`."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """Return the weights, a tied one once."""

    def train(self, mode: bool = True) -> Any:
        """Begin or end training."""

    def eval(self) -> Any:
        """End training."""


def size_of(model: LanguageModel) -> int:
    """Return the number of parameters, a tied one counted once."""
    return sum(weight.numel() for weight in model.parameters())


class FromLogits(nn.Module):
    """A function from ids to logits, (batch, tokens) -> (batch, tokens, vocabulary), with the calls of our model.

    It may be a module: its weights are then trained. It is given `documents` too where these are told.
    """

    def __init__(self, function: Callable[..., Tensor], vocabulary: int, context: int = 2**20, settings: Any = None):
        super().__init__()
        self.function, self.vocabulary = function, vocabulary
        self.settings: Any = settings or Shape(context)
        self._nowhere = nn.Parameter(torch.zeros(0), requires_grad=False)  # says on which device it is
        self.train(getattr(function, "training", True))

    def forward(self, ids: Tensor, documents: Tensor | None = None, at: Tensor | None = None) -> Tensor:
        """Return the logits, as `synthgen.train.model.Transformer` does."""
        logits = self.function(ids) if documents is None else self.function(ids, documents=documents)
        return logits if at is None else logits[at]


def class_of(path: str) -> type[nn.Module]:
    """Return the class behind `module:Class`, looked for where Python looks and in the working folder.

    Raises SynthgenError where there is none, or it is no torch module.
    """
    where, _, name = path.partition(":")
    if not where or not name.isidentifier():
        raise SynthgenError(f"--model {path}: name a class as my.module:Model")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        module = importlib.import_module(where)
    except ModuleNotFoundError as error:
        raise SynthgenError(
            f"--model {path}: there is no module {error.name!r}; install it, set PYTHONPATH, or work in its folder"
        ) from None
    chosen = getattr(module, name, None)
    if chosen is None:
        raise SynthgenError(f"--model {path}: {module.__file__} has no {name}")
    if not (inspect.isclass(chosen) and issubclass(chosen, nn.Module)):
        raise SynthgenError(f"--model {path}: is no class of torch.nn.Module")
    return chosen


def model_of(path: str, settings: ModelSettings, vocabulary: int) -> FromLogits:
    """Return a model of the class behind a dotted path, in the clothes of ours.

    Raises SynthgenError as `class_of` does, and for logits of another shape than the contract's.
    """
    inner = class_of(path)(settings, vocabulary)
    model = FromLogits(inner, vocabulary, settings=settings)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        logits = model.eval()(torch.zeros((2, 3), dtype=torch.int64))
    if not isinstance(logits, Tensor) or logits.shape != (2, 3, vocabulary):
        got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise SynthgenError(
            f"--model {path}: gave {got} for ids of (2, 3); forward is to return logits of (2, 3, {vocabulary})"
        )
    return model.train()


def takes_documents(model: FromLogits) -> bool:
    """Say whether a model can keep the documents in a window apart."""
    function = getattr(model.function, "forward", model.function)
    return "documents" in inspect.signature(function).parameters
