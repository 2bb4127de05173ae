"""What users do with a model: train and detect; on other types, compiled, in batches."""

from __future__ import annotations

import copy
from functools import cache

import pytest
import torch
from scenes import scenes
from tasks_support import CLASSIFIER, MASK, MODELS, RETINANET, SEGMENTER, make, module
from tolerances import SAME_MODULE

DETECTORS = (RETINANET, MASK)
STEPS = 60
SIZE = (128, 128)


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def first_label(model):
    return 0 if model is RETINANET else 1


@cache
def trained(model):
    """A detector that has seen two pictures many times; the pictures, their targets, and the loss."""
    torch.manual_seed(0)
    images, targets = scenes(2, SIZE, first_label(model))
    network = make(model, generator=torch.Generator().manual_seed(0)).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    history = []
    for _ in range(STEPS):
        losses = network(images, targets)
        total = sum(losses.values())
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        history.append({name: loss.item() for name, loss in losses.items()})
    return network.eval(), images, targets, history


@pytest.mark.parametrize("model", DETECTORS, ids=lambda m: m.name)
def test_losses_fall(model):
    _, _, _, history = trained(model)
    for name in history[0]:
        assert history[-1][name] < 0.5 * history[0][name], name


@pytest.mark.parametrize("model", DETECTORS, ids=lambda m: m.name)
def test_a_trained_detector_detects(model):
    network, images, targets, _ = trained(model)
    with torch.no_grad():
        detections = network(images)
    for found, target in zip(detections, targets, strict=True):
        near = module(model).overlaps(target["boxes"], found["boxes"]) > 0.5
        best, index = (near * found["scores"]).max(dim=1)
        assert best.min() > 0.3
        assert torch.equal(found["labels"][index], target["labels"])
        assert found["scores"].diff().max() <= 0
        if model is MASK:
            assert found["masks"].shape == (len(found["scores"]), *SIZE)
            mask, wanted = found["masks"][index] > 0, target["masks"] > 0
            shared = (mask & wanted).sum((1, 2)) / (mask | wanted).sum((1, 2))
            assert shared.min() > 0.8


@pytest.mark.parametrize("model", DETECTORS, ids=lambda m: m.name)
def test_batches_give_what_single_images_give(model):
    network, images, _, _ = trained(model)
    with torch.no_grad():
        together = network(images)
        alone = [network(image[None])[0] for image in images]
    for found, single in zip(together, alone, strict=True):
        assert len(found["scores"]) > 1
        for key in found:
            torch.testing.assert_close(found[key], single[key], **SAME_MODULE)


@pytest.mark.parametrize("model", DETECTORS, ids=lambda m: m.name)
def test_losses_without_training(model):
    """In evaluation too, targets give losses: those of a validation."""
    network, images, targets, _ = trained(model)
    with torch.no_grad():
        losses = network(images, targets)
    assert all(loss.isfinite() for loss in losses.values())
    assert not network.training


@pytest.mark.parametrize("model", (CLASSIFIER, SEGMENTER), ids=lambda m: m.name)
def test_other_models_learn(model):
    images, _ = scenes(3, SIZE)
    targets = torch.tensor([1, 3, 0])
    if model is SEGMENTER:
        targets = targets[:, None, None].expand(3, *SIZE)
    network = make(model, generator=torch.Generator().manual_seed(0)).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(30):
        ((name, loss),) = network(images, targets).items()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert name == {"Classifier": "classification", "Segmenter": "segmentation"}[model.name]
    assert losses[-1] < 0.3 * losses[0]


# ---- numbers of other kinds


@pytest.mark.parametrize("model", DETECTORS, ids=lambda m: m.name)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_training_in_mixed_precision(model, dtype):
    network, images, targets, _ = trained(model)
    network = copy.deepcopy(network)
    torch.manual_seed(5)
    with torch.autocast("cpu", dtype):
        losses = network(images, targets)
    torch.manual_seed(5)
    exact = network(images, targets)
    for name, loss in losses.items():
        assert loss.dtype == torch.float32
        torch.testing.assert_close(loss, exact[name], rtol=0.3, atol=0.02)
    sum(losses.values()).backward()
    assert all(p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("model", DETECTORS, ids=lambda m: m.name)
@pytest.mark.parametrize("whole", [False, True], ids=["autocast", "weights"])
def test_detecting_in_half_precision(model, whole):
    network, images, targets, _ = trained(model)
    network = copy.deepcopy(network)
    with torch.no_grad():
        if whole:
            detections = network.bfloat16()(images.bfloat16())
        else:
            with torch.autocast("cpu", torch.bfloat16):
                detections = network(images)
    for found, target in zip(detections, targets, strict=True):
        assert found["boxes"].dtype == found["scores"].dtype == torch.float32
        overlap = module(model).overlaps(target["boxes"], found["boxes"])
        assert overlap.amax(dim=1).min() > 0.5


# ---- the module


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_outputs_compile_whole(model):
    network, images = make(model).eval(), torch.randn(1, 3, 64, 64)
    compiled = torch.compile(network.outputs, fullgraph=True, backend="aot_eager")
    with torch.no_grad():
        for name, value in network.outputs(images).items():
            torch.testing.assert_close(compiled(images)[name], value, **SAME_MODULE)


@pytest.mark.parametrize("model", DETECTORS, ids=lambda m: m.name)
def test_a_compiled_network_takes_the_place_of_the_plain_one(model):
    network, images, _, _ = trained(model)
    fast = copy.deepcopy(network)
    fast.outputs = torch.compile(fast.outputs, backend="aot_eager")
    with torch.no_grad():
        for found, plain in zip(fast(images), network(images), strict=True):
            torch.testing.assert_close(found["boxes"], plain["boxes"], **SAME_MODULE)


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_parameters_are_named_after_their_parts(model):
    network = make(model)
    assert {name.partition(".")[0] for name in network.state_dict()} == {p.attribute for p in model.parts}


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_initialise_draws_from_the_generator_alone(model):
    first = make(model, generator=torch.Generator().manual_seed(7))
    second = make(model)
    second.initialise(torch.Generator().manual_seed(7))
    for (name, one), other in zip(first.named_parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other), name


def test_drop_path_reaches_the_backbone():
    assert make(RETINANET).backbone.drop_path == 0.2
    assert make(RETINANET, drop_path=0.0).backbone.drop_path == 0.0


def test_anchors_are_made_once_for_a_size():
    anchors_of = module(RETINANET).anchors_of
    cpu = torch.device("cpu")
    assert anchors_of(*SIZE, cpu) is anchors_of(*SIZE, cpu)
    assert len(anchors_of(64, 96, cpu)) == 9 * (8 * 12 + 4 * 6 + 2 * 3)
    assert len(anchors_of(65, 97, cpu)) == 9 * (9 * 13 + 5 * 7 + 3 * 4)


def test_detecting_in_inference_mode_does_not_spoil_training():
    """Tensors made in inference mode can't take part in training: the cached anchors must not be such."""
    module(RETINANET).anchors_of.cache_clear()
    network = make(RETINANET)
    with torch.inference_mode():
        network.eval()(torch.randn(1, 3, *SIZE))
    images, targets = scenes(1, SIZE)
    sum(network.train()(images, targets).values()).backward()
    assert not module(RETINANET).anchors_of(*SIZE, torch.device("cpu")).is_inference()
