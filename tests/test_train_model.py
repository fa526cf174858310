"""The model: documents do not see each other, the cache changes nothing, Canon is what the paper writes."""

import numpy as np
import pytest
import torch

from synthgen.train.decode import complete
from synthgen.train.lora import adapt, merge
from synthgen.train.model import Canon, Place, RootMeanSquare, Transformer
from synthgen.train.quantise import rounded
from synthgen.train.settings import ModelSettings

VARIANTS = [
    {},
    {"canon": "ABCD"},
    {"canon": "ABCD", "canon_residual": False, "mlp": "gated", "norm": "rms", "tied": False},
    {"position": "learned", "qk_norm": True},
    {"position": "none", "canon": "AC", "mlp": "none"},
    {"rope_share": 0.25, "canon": "B"},
]


def model_of(vocabulary=23, **settings):
    torch.manual_seed(0)
    model = Transformer(ModelSettings(**({"layers": 2, "width": 32, "heads": 2, "context": 40} | settings)), vocabulary)
    with torch.no_grad():  # far from the small beginning, so that every part of the model counts
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.2)
    return model.eval()


@pytest.mark.parametrize("settings", VARIANTS)
def test_a_changed_document_leaves_the_logits_of_the_others_as_they_are(settings):
    model = model_of(**settings)
    ids = torch.randint(23, (2, 30))
    documents = torch.tensor([[0] * 9 + [1] * 12 + [2] * 9, [0] * 2 + [1] * 1 + [2] * 27])
    edited = ids.clone()
    edited[0, 9:21] = torch.randint(23, (12,))
    edited[1, 2] = (ids[1, 2] + 1) % 23
    before, after = model(ids, documents), model(edited, documents)
    same = torch.ones(2, 30, dtype=torch.bool)
    same[0, 9:21] = False
    same[1, 2] = False
    assert torch.equal(before[same], after[same])
    assert not torch.equal(before[~same], after[~same])
    across = model(ids), model(edited)  # without documents, the window is one
    assert not torch.equal(across[0][0, 21:], across[1][0, 21:])


@pytest.mark.parametrize("settings", VARIANTS)
def test_a_document_in_a_window_is_what_it_is_alone(settings):
    model = model_of(**settings)
    ids = torch.randint(23, (1, 30))
    documents = torch.tensor([[0] * 9 + [1] * 12 + [2] * 9])
    together = model(ids, documents)
    for first, last in ((0, 9), (9, 21), (21, 30)):
        assert torch.allclose(together[:, first:last], model(ids[:, first:last]), atol=2e-5)


@pytest.mark.parametrize("settings", VARIANTS)
def test_no_token_sees_what_comes_after_it(settings):
    model = model_of(**settings)
    ids = torch.randint(23, (3, 20))
    edited = ids.clone()
    edited[:, 11:] = torch.randint(23, (3, 9))
    assert torch.allclose(model(ids)[:, :11], model(edited)[:, :11], atol=1e-6)


@pytest.mark.parametrize("settings", VARIANTS)
def test_generation_with_a_cache_says_what_the_whole_model_would(settings):
    model = model_of(**settings)
    random = np.random.default_rng(0)
    prompts = [random.integers(0, 23, size) for size in (3, 1, 9, 5)]
    said = complete(model, prompts, end=22, most=12, batch=3)
    for prompt, found in zip(prompts, said, strict=True):
        ids = list(prompt)
        expected = []
        for _ in range(12):
            token = int(model(torch.tensor([ids]))[0, -1].argmax())
            if token == 22:
                break
            expected.append(token)
            ids.append(token)
        assert found.tolist() == expected


def test_canon_is_the_papers_sum_over_the_token_and_the_three_before_it():
    torch.manual_seed(0)
    layer = Canon(5, residual=True)
    x = torch.randn(1, 7, 5)
    place = Place(torch.zeros(1, 7, dtype=torch.int64), None, None)
    mixed = layer(x, place, None)
    for t in range(7):
        expected = x[0, t] + sum(layer.weight[j] * x[0, t - j] for j in range(4) if t >= j)
        assert torch.allclose(mixed[0, t], expected, atol=1e-6)
    conv = torch.nn.functional.conv1d(
        torch.nn.functional.pad(x.transpose(1, 2), (3, 0)), layer.weight.flip(0).t()[:, None], groups=5
    ).transpose(1, 2)
    assert torch.allclose(mixed, x + conv, atol=1e-6)


def test_canon_costs_what_the_paper_says():
    plain = Transformer(ModelSettings(layers=2, width=64, heads=4), 100).size
    canon = Transformer(ModelSettings(layers=2, width=64, heads=4, canon="ABCD"), 100).size
    assert canon - plain == 2 * 4 * (64 + 3 * 64 + 64 + 4 * 64)  # kernel 4 at A (d), B (3 d), C (d), D (4 d)


def test_rotary_logits_depend_on_distances_alone():
    model = model_of(layers=1)
    ids = torch.randint(23, (1, 12))
    documents = torch.tensor([[0] * 4 + [1] * 8])
    assert torch.allclose(model(ids, documents)[:, 4:], model(ids[:, 4:]), atol=1e-5)


@pytest.mark.parametrize(("tied", "by_rank"), [(True, True), (False, True), (True, False)])
def test_lora_begins_as_the_model_trains_little_and_merges_into_weights(tied, by_rank):
    model, ids = model_of(tied=tied), torch.randint(23, (2, 11))
    before = model(ids)
    adapt(model, rank=2, embedding=3, alpha=4.0, by_rank=by_rank)
    assert model.embedding.update.scale == (4 / 3 if by_rank else 4.0)
    assert model.blocks[0].attention.qkv.q.scale == (2.0 if by_rank else 4.0)
    assert torch.allclose(model(ids), before, atol=1e-6)
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    assert trained == 2 * 2 * (2 * 2 * 32) + 3 * (32 + 23)  # layers x (q, v) x two factors, and the embedding's
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.add_(torch.randn_like(weight) * 0.3)
    changed = model(ids)
    assert not torch.allclose(changed, before, atol=1e-2)
    merge(model)
    assert torch.allclose(model(ids), changed, atol=1e-4)
    assert {name.split(".")[-1] for name, _ in model.named_parameters()} == {"weight"}


def test_rounding_to_many_bits_keeps_the_model_and_to_few_does_not():
    model, ids = model_of(), torch.randint(23, (2, 11))
    with torch.no_grad():
        exact = model(ids)
        errors = [float((rounded(model, bits)(ids) - exact).abs().mean()) for bits in (16, 8, 4)]
    assert errors[0] < 1e-2 * errors[1] < errors[1] < 0.2 * errors[2]
    assert len(rounded(model, 4).head.weight[0].unique()) <= 15


def test_the_norm_and_its_gradient_are_torchs():
    x = torch.randn(3, 5, 8, dtype=torch.float64, requires_grad=True)
    theirs = torch.nn.functional.rms_norm(x, (8,), eps=1e-6)
    assert torch.allclose(RootMeanSquare.apply(x), theirs, atol=1e-12)
    assert torch.autograd.gradcheck(RootMeanSquare.apply, (x,))
