"""The loop: AdamW on batches that are pure functions of the step, in bits, against the floor.

A run is resumed from its checkpoint with the same losses as if it had not been killed, bit for bit on a CPU with the
same number of threads: batches depend on the step alone, and weights, moments and torch's random state are saved.

    synthgen train cfg3f --out runs/cfg3f
    torchrun --nproc-per-node 8 -m synthgen train cfg3f --preset lano --out runs/cfg3f
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from synthgen.dataset.plain_text import finite
from synthgen.errors import SynthgenError
from synthgen.exact.progress import notebook_bar
from synthgen.task.files import write_whole
from synthgen.task.foreign import Unreadable, json_of, read_text, shaped
from synthgen.train.batches import Batch, RunData
from synthgen.train.floor import FRESH, Floor, measure
from synthgen.train.language_model import FromLogits, model_of, takes_documents
from synthgen.train.lora import adapt, merge
from synthgen.train.model import Transformer
from synthgen.train.runs import (
    CHECKPOINT,
    METRICS,
    MODEL,
    identity,
    load_model,
    save,
    save_model,
    telling_damage,
    write_settings,
)
from synthgen.train.settings import RunSettings, TrainSettings
from synthgen.windowing.spec_rows import SpecRows

LOG_EVERY = 20
"""Steps between two lines of metrics."""


def learning_rate(settings: TrainSettings, step: int) -> float:
    """Return the learning rate of a step (from 0): linear warm-up, then cosine, linear or no decay to `lr_end`."""
    if step < settings.warmup:
        return settings.lr * (step + 1) / settings.warmup
    if settings.schedule == "constant":
        return settings.lr
    done = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    left = (1 + math.cos(math.pi * done)) / 2 if settings.schedule == "cosine" else 1 - done
    return settings.lr * (settings.lr_end + (1 - settings.lr_end) * left)


def make_optimizer(model: nn.Module, settings: TrainSettings) -> torch.optim.AdamW:
    """Return AdamW over what is trained, with weight decay on matrices only."""
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    groups = [
        {"params": [w for w in weights if w.dim() >= 2], "weight_decay": settings.weight_decay},
        {"params": [w for w in weights if w.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.lr, betas=settings.betas, eps=settings.eps, fused=True)


def new_model(settings: RunSettings, vocabulary: int) -> Transformer | FromLogits:
    """Return the untrained model of a run: its weights depend on `train.seed` alone.

    Raises SynthgenError for a class of one's own that does not keep its contract, or cannot do what is set.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.train.seed)
        if not settings.architecture:
            return Transformer(settings.model, vocabulary)
        if settings.train.lora or settings.train.lora_embedding:
            raise SynthgenError(f"--model {settings.architecture}: LoRA knows our own model's layers alone")
        return model_of(settings.architecture, settings.model, vocabulary)


class Ranks:
    """Where this process stands among those of torchrun; alone without it."""

    def __init__(self) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        cuda = torch.cuda.is_available()
        self.device = torch.device(f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if cuda else "cpu")
        if self.size > 1 and not distributed.is_initialized():
            distributed.init_process_group("nccl" if cuda else "gloo")

    def sum(self, value: float) -> float:
        """Return the sum of a number over all ranks."""
        if self.size == 1:
            return value
        tensor = torch.tensor(value, dtype=torch.float64, device=self.device)
        distributed.all_reduce(tensor)
        return float(tensor)


class Loop:
    """A run in progress."""

    def __init__(
        self, settings: RunSettings, data: RunData, model: Transformer | FromLogits, ranks: Ranks | None = None
    ) -> None:
        self.settings, self.data, self.ranks = settings, data, ranks or Ranks()
        windows = data.open(self.ranks.rank, self.ranks.size)
        if "document_ids" in windows.fields and isinstance(model, FromLogits) and not takes_documents(model):
            raise SynthgenError(
                f"--model {settings.architecture}: these windows hold documents apart, and its forward takes no "
                "`documents`; add it, or --set attention=window"
            )
        train = settings.train
        self.model = model.to(self.ranks.device).train()
        if isinstance(self.model, Transformer) and (train.lora or train.lora_embedding):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(train.seed)
                by_rank = train.lora_scale == "alpha/rank"
                adapt(self.model, train.lora, train.lora_embedding, train.lora_alpha, by_rank)
            self.model.to(self.ranks.device)
        self.optimizer = make_optimizer(self.model, train)
        runnable: nn.Module = torch.compile(self.model) if train.compile else self.model  # type: ignore[assignment]
        self.runnable = DistributedDataParallel(runnable) if self.ranks.size > 1 else runnable
        self.step, self.seconds, self.core_seconds, self.data_seconds = 0, 0.0, 0.0, 0.0
        self._loss = torch.zeros((), dtype=torch.float64)

    @functools.cached_property
    def packed_floor(self) -> float:
        """The floor of packed windows, in bits a token."""
        return Floor.a_token(self.data.sources[0])

    def advance(self) -> dict[str, float]:
        """Take one step; return its loss (nats a token), gradient norm, tokens and learning rate."""
        begun, worked = time.perf_counter(), time.process_time()
        batch = self.data.batch(self.step, self.ranks.rank, self.ranks.size)
        fetched = time.perf_counter()
        settings = self.settings.train
        rate = learning_rate(settings, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        tokens = self.ranks.sum(float(batch.trained.sum()))
        loss = torch.zeros((), dtype=torch.float64, device=self.ranks.device)
        parts = list(split(batch, settings.accumulate))
        for number, part in enumerate(parts):
            last = number == len(parts) - 1
            waiting = self.runnable.no_sync() if self.ranks.size > 1 and not last else contextlib.nullcontext()  # type: ignore[operator]
            with waiting:
                nats = self._nats(part)
                (nats * (self.ranks.size / tokens)).backward()  # ranks average their gradients
                loss += nats.detach()
        norm = 0.0
        if settings.clip:
            norm = float(nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip))
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.data_seconds += fetched - begun
        self.seconds += time.perf_counter() - begun
        self.core_seconds += time.process_time() - worked
        return {"nats": self.ranks.sum(float(loss)) / tokens, "norm": norm, "tokens": tokens, "lr": rate}

    def _nats(self, batch: Batch) -> Tensor:
        """Return the summed loss of a part of a batch."""
        device = self.ranks.device
        at = None if bool(batch.trained.all()) else batch.trained.to(device, non_blocking=True)
        ids, targets = (x.to(device, non_blocking=True) for x in (batch.ids, batch.targets))
        documents = None if batch.documents is None else batch.documents.to(device, non_blocking=True)
        low = self.settings.train.precision == "bfloat16"
        with torch.autocast(device.type, torch.bfloat16, enabled=low):
            logits = self.runnable(ids, documents=documents, at=at)
        if at is None:
            return functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="sum")
        return functional.cross_entropy(logits.float(), targets[at], reduction="sum")

    def state(self) -> dict[str, Any]:
        """Return all that a resumed run needs."""
        return {
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": torch.get_rng_state(),
            "seconds": self.seconds,
            "core_seconds": self.core_seconds,
            "windows": self.data.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.core_seconds = state.get("core_seconds", 0.0)  # checkpoints of 0.3 have none
        self.data.load(state["windows"])


def split(batch: Batch, parts: int) -> Iterator[Batch]:
    """Yield a batch in `parts` parts of its windows; those without any loss are left out."""
    size = -(-batch.ids.shape[0] // parts)
    for first in range(0, batch.ids.shape[0], size):
        piece = slice(first, first + size)
        if batch.trained[piece].any():
            documents = None if batch.documents is None else batch.documents[piece]
            yield Batch(batch.ids[piece], batch.targets[piece], batch.trained[piece], documents)


def train(
    settings: RunSettings,
    out: Path | None = None,
    *,
    init: Path | None = None,
    specs: Path | None = None,
    data: RunData | None = None,
    watch: Callable[[Loop, dict[str, Any]], None] | None = None,
    log: Callable[[dict[str, Any]], None] | None = None,
    check_floor: bool = False,
) -> Loop:
    """Train a run, or go on with the one that `out` holds; return the finished loop.

    `init` is a finished run whose weights are begun with; `watch` is called with every line of metrics (without it, a
    notebook shows a bar), and `log` with the line alone: see `synthgen.train.trackers`. With `check_floor`, the
    held-out excess is measured every `eval_every` steps and at the end.
    Raises SynthgenError for settings that do not fit, for another run's folder, or for a model below an exact floor.
    """
    data = data or RunData(settings, specs)
    ranks = Ranks()
    if out is not None and ranks.rank == 0:
        write_settings(out, identity(settings, data, init))
    model = new_model(settings, data.size) if init is None else load_model(init)
    if model.vocabulary != data.size:
        raise SynthgenError(f"--init {init}: a model of {model.vocabulary} ids, but this data has {data.size}")
    bar = notebook_bar("steps", settings.train.steps, hidden=watch is not None or ranks.rank > 0)
    with bar, torch.random.fork_rng(devices=[]):  # dropout is the run's own, and leaves the caller's randomness alone
        torch.manual_seed(settings.train.seed + ranks.rank)
        loop = Loop(settings, data, model, ranks)
        lines = Lines(out if ranks.rank == 0 else None)
        if out is not None and (out / CHECKPOINT).exists():
            with telling_damage(out / CHECKPOINT, "remove it: the run then begins anew"):
                loop.restore(torch.load(out / CHECKPOINT, map_location=ranks.device, weights_only=True))
        lines.forget(loop.step)
        _run(loop, lines, out if ranks.rank == 0 else None, watch, log if ranks.rank == 0 else None, check_floor, bar)
    return loop


def _run(
    loop: Loop,
    lines: Lines,
    out: Path | None,
    watch: Callable[[Loop, dict[str, Any]], None] | None,
    log: Callable[[dict[str, Any]], None] | None,
    check_floor: bool,
    bar: Any,
) -> None:
    settings = loop.settings.train
    sources = loop.data.sources if check_floor else []
    known = [rows for rows in sources if not rows.task.uncounted]
    floors = [SpecRows(rows.source, FRESH, vocabulary=loop.data.vocabulary) for rows in known]
    bar.update(loop.step)
    while loop.step < settings.steps:
        taken = loop.advance()
        bar.update(1)
        finished = loop.step == settings.steps
        if not math.isfinite(taken["nats"]):
            raise SynthgenError(f"the loss of step {loop.step} is {taken['nats']}; take a lower train.lr")
        due = settings.eval_every and loop.step % settings.eval_every == 0
        if loop.step % LOG_EVERY == 0 or finished or due:
            line: dict[str, Any] = {"step": loop.step, "loss_bits": taken["nats"] / math.log(2), **_batch_floor(loop)}
            line |= {key: taken[key] for key in ("norm", "tokens", "lr")}
            line |= {"seconds": round(loop.seconds, 3), "data_seconds": round(loop.data_seconds, 3)}
            if (due or finished) and floors:
                line["held_out"] = {
                    corpus.source.spec.name: measure(loop.model, corpus, settings.eval_rows).to_json()
                    for corpus in floors
                }
            lines.write(line)
            bar.set_postfix_str(f"{line['loss_bits']:.4f} bits a token")
            if watch is not None:
                watch(loop, line)
            if log is not None:
                log(line)
            _refuse_the_impossible(line)
        if out is not None and settings.save_every and loop.step % settings.save_every == 0 and not finished:
            save(out / CHECKPOINT, loop.state())
    if isinstance(loop.model, Transformer) and (settings.lora or settings.lora_embedding):
        merge(loop.model)
    if out is not None and not (out / MODEL).exists():
        save_model(out, loop.model)
        if not (settings.lora or settings.lora_embedding):
            save(out / CHECKPOINT, loop.state())


def _batch_floor(loop: Loop) -> dict[str, float]:
    """Return the floor of the step's own rows, in bits a token, where every token of every stream has a loss."""
    data, streams = loop.data, loop.settings.data
    if data.packed:
        known = streams[0].loss == "all" and not data.sources[0].task.uncounted
        return {"floor_bits": loop.packed_floor} if known else {}
    if any(stream.loss != "all" or stream.domain for stream in streams):
        return {}
    bits = tokens = 0.0
    for number, source in enumerate(data.sources):
        if source.task.uncounted:
            return {}
        rows, floor = data.rows(loop.step - 1, number), Floor.of(source)
        bits += float(np.sum(rows.bits)) + floor.entity * len(rows)
        tokens += rows.ids.size + len(rows)
    return {"floor_bits": bits / tokens}


def _refuse_the_impossible(line: dict[str, Any]) -> None:
    for name, result in line.get("held_out", {}).items():
        if result["impossible"]:
            raise BelowTheFloor(
                f"{name}: on {result['rows']} held-out rows the model is {-result['excess']:.4f} bits a row below an "
                f"{result['status']} floor of {result['floor']:.4f} (standard error {result['se']:.4f}): the entropy "
                "or the split is wrong"
            )


class BelowTheFloor(SynthgenError):
    """A model pays less for fresh rows than is possible: a check has failed."""

    exit_code = 1


class Lines:
    """The metrics of a run: JSON lines, appended, one a step; those behind a resumed checkpoint are forgotten."""

    def __init__(self, folder: Path | None) -> None:
        self.file = folder / METRICS if folder is not None else None

    def write(self, line: dict[str, Any]) -> None:
        """Append a line."""
        if self.file is not None:
            with self.file.open("a") as handle:
                handle.write(json.dumps(finite(line)) + "\n")

    def forget(self, step: int) -> None:
        """Drop the lines of steps that a resumed run takes again: all of them, where it begins anew (`step` 0)."""
        if self.file is None or not self.file.exists():
            return
        steps = {_step(line): line for line in read_text(self.file).split("\n") if line}
        write_whole(self.file, "".join(f"{line}\n" for at, line in steps.items() if at <= step), only_writer=True)


def _step(line: str) -> float:
    try:
        return float(shaped(dict[str, Any], json_of(line, METRICS), METRICS)["step"])
    except (Unreadable, KeyError, TypeError, ValueError):  # a line that a kill cut short
        return math.inf
