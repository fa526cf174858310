"""Probes: they read what is there, do not find what is not, and leave the model as it is."""

import numpy as np
import torch

from synthgen.train.model import Transformer
from synthgen.train.probe import Asked, LinearProbe, PositionProbe, padded_rows, probe_accuracy, train_probe
from synthgen.train.settings import ModelSettings

torch.set_num_threads(1)


def test_a_linear_probe_reads_the_token_before_and_no_coin():
    torch.manual_seed(0)
    model = Transformer(ModelSettings(layers=1, width=32, heads=2, context=16), 12)
    before = [weight.clone() for weight in model.parameters()]
    random = np.random.default_rng(0)
    ids = random.integers(0, 10, (400, 6))
    places = random.integers(1, 6, 400)
    asked = Asked(ids, places, {"token": ids[np.arange(400), places], "coin": random.integers(0, 2, 400)})
    probe = LinearProbe(model, {"token": 10, "coin": 2}, rank=2)
    train_probe(probe, asked.take(np.arange(200)), steps=300, lr=2e-2, weight_decay=0.01)
    found = probe_accuracy(probe, asked.take(np.arange(200, 400)))
    assert found["token"] > 0.95
    assert 0.3 < found["coin"] < 0.7
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert all(weight.requires_grad for weight in model.parameters())
    trained = sum(weight.numel() for weight in probe.parameters())
    assert trained == 2 * (32 + 12) + 2 * 32 + 33 * (10 + 2)  # the update, the norm, the heads


def test_q_probing_takes_a_batch_norm():
    probe = LinearProbe(Transformer(ModelSettings(layers=1, width=16, heads=2), 5), {"x": 3}, rank=16, norm="batch")
    assert isinstance(probe.norm, torch.nn.BatchNorm1d)
    assert probe(torch.zeros(4, 3, dtype=torch.int64), torch.ones(4, dtype=torch.int64))["x"].shape == (4, 3)


def test_the_position_probes_weights_know_positions_alone():
    torch.manual_seed(0)
    probe = PositionProbe(8, 3, context=10, heads=4, inner=16)
    a, b = torch.randn(2, 7, 8), torch.randn(2, 7, 8)
    bias = probe(torch.zeros(2, 7, 8))
    assert torch.allclose(probe(a) + probe(b) - bias, probe(a + b), atol=1e-4)  # linear in the states
    far = a.clone()
    far[:, 4] += 1
    alone, near = (probe(a, reach) != probe(far, reach) for reach in (0, 1))
    assert alone.any(-1).any(0).nonzero().flatten().tolist() == [4]
    assert near.any(-1).any(0).nonzero().flatten().tolist() == [3, 4, 5]


def test_rows_are_padded_on_the_right():
    assert padded_rows([np.array([1, 2]), np.array([3])], 9).tolist() == [[1, 2], [3, 9]]
