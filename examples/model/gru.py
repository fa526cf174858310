"""A model class of one's own, trained in the place of synthgen's: a recurrent network of three lines.

cd examples/model
synthgen train copy-tiny --model gru:Gru --set data.rows=16 --out runs/gru
"""

from torch import Tensor, nn

from synthgen.train.settings import ModelSettings


class Gru(nn.Module):
    """An embedding, GRU layers and a head; of the run's `model.*` it takes width and layers."""

    def __init__(self, settings: ModelSettings, vocabulary: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, settings.width)
        self.layers = nn.GRU(settings.width, settings.width, settings.layers, batch_first=True)
        self.head = nn.Linear(settings.width, vocabulary)

    def forward(self, ids: Tensor) -> Tensor:
        """Return logits (batch, tokens, vocabulary) of ids (batch, tokens)."""
        return self.head(self.layers(self.embedding(ids))[0])
