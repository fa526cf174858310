"""Models of `transformers` with the calls of ours: measured, scored and probed like our own.

model = TransformersModel.load(Path("some/model"))
measure(model, corpus), judge_rows(model, corpus, 100), LinearProbe(model, ...), people_losses(model, corpus, 1000)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from synthgen.errors import SynthgenError
from synthgen.train.architecture import library_of, without_bars
from synthgen.train.language_model import Shape

CONFIG = "config.json"
"""The file by which a folder is a model of `transformers`."""

NO_LIMIT = 2**20
"""The longest window of a model whose config has no `max_position_embeddings`."""


class TransformersModel(nn.Module):
    """A causal language model of `transformers`."""

    def __init__(self, model: Any) -> None:
        """Take a model that maps `input_ids` to `logits`."""
        super().__init__()
        config = model.config.get_text_config()
        self.model = model
        context = getattr(config, "max_position_embeddings", None) or NO_LIMIT
        self.settings = Shape(int(context), int(getattr(config, "hidden_size", 0)))
        self.train(model.training)

    @classmethod
    def load(cls, folder: Path, trust_remote_code: bool = False) -> TransformersModel:
        """Load a local folder, without network. Raises SynthgenError where it holds no causal language model.

        A folder that synthgen exported needs no trust: its modeling file is that of this package.
        """
        library = library_of(f"{folder}, a model of transformers,")
        if not (folder / CONFIG).is_file():
            raise SynthgenError(f"{folder}: holds no model of transformers: there is no {CONFIG}")
        from synthgen.train.modeling_synthgen import SynthgenConfig, SynthgenForCausalLM

        library.AutoConfig.register(SynthgenConfig.model_type, SynthgenConfig, exist_ok=True)
        library.AutoModelForCausalLM.register(SynthgenConfig, SynthgenForCausalLM, exist_ok=True)
        try:
            with without_bars(library):
                model = library.AutoModelForCausalLM.from_pretrained(
                    folder, local_files_only=True, trust_remote_code=trust_remote_code
                )
        except (OSError, ValueError, ImportError, RuntimeError, KeyError) as error:
            reason = (str(error) or type(error).__name__).strip().splitlines()[0]
            raise SynthgenError(f"{folder}: transformers cannot load it: {reason[:200]}") from None
        return cls(model.eval())

    @property
    def vocabulary(self) -> int:
        """How many ids it has embeddings of."""
        return int(self.embedding.weight.shape[0])

    @property
    def embedding(self) -> Any:
        """Its embedding of ids."""
        return self.model.get_input_embeddings()

    def forward(self, ids: Tensor, documents: Tensor | None = None, at: Tensor | None = None) -> Tensor:
        """Return the logits, (batch, tokens, vocabulary), or with `at` (chosen, vocabulary); a row is one document.

        Raises SynthgenError where documents are to be kept apart.
        """
        if documents is not None:
            raise SynthgenError("attention = 'document': a model of transformers sees whole windows; take packing row")
        logits: Tensor = self.model(input_ids=ids, use_cache=False).logits
        return logits if at is None else logits[at]

    def hidden(self, ids: Tensor, embedded: Tensor | None = None) -> Tensor:
        """Return the last hidden states (batch, tokens, width); `embedded` stands in for the embedding of ids."""
        embedded = self.embedding(ids) if embedded is None else embedded
        out = self.model(inputs_embeds=embedded, use_cache=False, output_hidden_states=True)
        states: Tensor = out.hidden_states[-1]
        return states

    def completed(
        self, prompts: Sequence[np.ndarray], end: int, most: int, temperature: float, seed: int
    ) -> list[np.ndarray]:
        """Return what it says behind each prompt, `end` and what follows left out, by the library's own `generate`."""
        library = library_of("generation")
        device, longest = next(self.parameters()).device, max(map(len, prompts))
        ids = torch.full((len(prompts), longest), end, dtype=torch.int64)
        mask = torch.zeros_like(ids)
        for i, prompt in enumerate(prompts):
            ids[i, longest - len(prompt) :] = torch.from_numpy(np.asarray(prompt, np.int64))
            mask[i, longest - len(prompt) :] = 1
        sampling = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0} if temperature else {}
        # The folder's own habits (a penalty, a fixed sampling) are left out: what is measured is the model.
        self.model.generation_config = library.GenerationConfig(
            max_new_tokens=most, eos_token_id=end, pad_token_id=end, **(sampling or {"do_sample": False})
        )
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            out = self.model.generate(ids.to(device), attention_mask=mask.to(device))
        rows = out[:, longest:].cpu().numpy()
        return [row[: np.argmax(row == end)] if (row == end).any() else row for row in rows]
