"""What users do with a network: run, train, cast, compile, export, copy."""

from __future__ import annotations

import copy
import pickle
import warnings
import weakref

import pytest
import torch
from support import compile_text
from tolerances import SAME_MODULE
from torch import nn

from spinedsl.specification import open_spec, standard_networks

STANDARD = [listed.name for listed in standard_networks()]
NARROW = {"scale.width": "0.125"}
SMALL = {**NARROW, "input": "3 x 128 x 128"}


@pytest.mark.parametrize("name", STANDARD)
def test_names_and_shapes_are_the_programs(name, standard):
    over_features = open_spec(f"std:{name}").network.input.kind == "features"
    generated = standard(name, NARROW if over_features else SMALL)
    program, inlined = generated.compilation.program, generated.compilation.inlined
    network = generated.network().eval()
    state = {n: tuple(t.shape) for n, t in network.state_dict().items()}
    assert list(state.items()) == [(n, p.shape) for n, p in inlined.parameters().items()]
    with torch.no_grad():
        outputs = network(generated.example(batch=2))
    shapes = {n: tuple(t.shape) for n, t in outputs.items()}
    assert list(shapes.items()) == [(e.name, (2, *e.shape)) for e in program.endpoints]
    assert all(t.isfinite().all() for t in outputs.values())


def test_parameter_count_of_spinenet49(generate):
    with torch.device("meta"):
        network = generate(open_spec("std:spinenet49")).network()
    assert sum(p.numel() for p in network.parameters()) == 21_831_488


def test_attributes_describe_the_endpoints(narrow):
    network = narrow.network()
    assert network.levels == (3, 4, 5, 6, 7)
    assert network.strides == {"P3": 8, "P4": 16, "P5": 32, "P6": 64, "P7": 128}
    assert network.out_channels == {f"P{level}": 16 for level in range(3, 8)}
    assert network.feature_info[0] == {"num_chs": 16, "reduction": 8, "module": "P3"}
    assert list(network(narrow.example(2))) == list(network.out_channels)


@pytest.mark.parametrize("size", [(128, 256), (256, 128)])
def test_other_multiples_are_accepted(narrow, size):
    with torch.no_grad():
        outputs = narrow.network().eval()(torch.randn(1, 3, *size))
    assert outputs["P3"].shape[-2:] == (size[0] // 8, size[1] // 8)


@pytest.mark.parametrize("size", [(100, 128), (128, 100)])
def test_other_sizes_are_refused(narrow, size):
    message = f"multiples of 128, not {size[0]} x {size[1]}"
    with pytest.raises(ValueError, match=message):
        narrow.network()(torch.randn(1, 3, *size))


def test_features_of_wrong_sizes_are_refused(standard):
    generated = standard("bifpn", NARROW)
    network, features = generated.network(), generated.example()
    finest = next(iter(features))
    with pytest.raises(ValueError, match="multiples of"):
        network({**features, finest: features[finest][..., 1:]})
    with pytest.raises(ValueError, match="c4 must be 32 x 32 here"):
        network({**features, "c4": features["c4"][..., :1, :1]})


def test_every_parameter_gets_a_gradient(narrow):
    network = narrow.network(drop_path=0.2).train()
    outputs = network(narrow.example(batch=4))
    sum(t.square().mean() for t in outputs.values()).backward()
    missing = [n for n, p in network.named_parameters() if p.grad is None]
    assert missing == []


def test_autocast(narrow):
    network = narrow.network().train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs = network(narrow.example(batch=2))
        loss = sum(t.float().mean() for t in outputs.values())
    loss.backward()
    assert all(t.isfinite().all() for t in outputs.values())
    assert all(p.grad.dtype == torch.float32 for p in network.parameters())


def test_channels_last_stays_and_changes_nothing(narrow):
    network, image = narrow.network().eval(), narrow.example(batch=2)
    with torch.no_grad():
        expected = network(image)
        network.to(memory_format=torch.channels_last)
        actual = network(image.to(memory_format=torch.channels_last))
    for name, tensor in actual.items():
        assert tensor.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(tensor, expected[name], **SAME_MODULE)


def agree(actual, expected):
    assert list(actual) == list(expected)
    for name, tensor in actual.items():
        torch.testing.assert_close(tensor, expected[name], **SAME_MODULE)


def test_compile_in_one_graph(narrow):
    network, image = narrow.network().eval(), narrow.example()
    torch._dynamo.reset()
    compiled = torch.compile(network, fullgraph=True, backend="eager")
    with torch.no_grad():
        agree(compiled(image), network(image))
        # Dynamo reports what the module raises, as an error of its own.
        with pytest.raises(Exception, match="multiples of 128"):
            compiled(image[..., 1:])


def test_export(narrow):
    network, image = narrow.network().eval(), narrow.example()
    exported = torch.export.export(network, (image,))
    with torch.no_grad():
        agree(exported.module()(image), network(image))


def test_trace_without_a_warning(narrow):
    network, image = narrow.network().eval(), narrow.example()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("error", torch.jit.TracerWarning)
        traced = torch.jit.trace(network, image, strict=False)
        agree(traced(image), network(image))


def test_copies_run_alike(narrow):
    network, image = narrow.network().eval(), narrow.example()
    with torch.no_grad():
        expected = network(image)
        agree(copy.deepcopy(network)(image), expected)
        agree(pickle.loads(pickle.dumps(network))(image), expected)
        agree(nn.DataParallel(network)(image), expected)


def test_values_die_after_their_last_use(narrow):
    """When a statement of `forward` starts, only what it or a later one reads is still there."""
    main = narrow.compilation.program.main
    network = narrow.network().eval()
    # A statement ends with a block; what is resampled and merged for it belongs to it.
    statement_of, statement, last_use = {}, 0, {}
    for node in main.nodes:
        statement_of[node.name] = statement
        last_use.update(dict.fromkeys(node.inputs, statement))
        statement += node.name.startswith(("s0", "s1", "b")) and "_" not in node.name
    made: dict[str, weakref.ref[torch.Tensor]] = {}
    held: list[str] = []

    def before(name):
        def hook(module, inputs):
            alive = [n for n, r in made.items() if r() is not None and last_use[n] < statement_of[name]]
            held.extend(f"{n} at {name}" for n in alive)

        return hook

    def behind(name):
        def hook(module, inputs, output):
            made[name] = weakref.ref(output)

        return hook

    endpoints = {name for name, _ in main.outputs}
    for name, child in network.named_children():
        if name not in endpoints:
            child.register_forward_pre_hook(before(name))
            child.register_forward_hook(behind(name))
    with torch.no_grad():
        network(narrow.example())
    assert statement > 15 and len(made) > 30
    assert held == []


@pytest.mark.parametrize(("size", "accepted"), [("52 x 54", (26, 27)), ("52 x 56", (26, 28))])
def test_a_feature_deeper_than_every_block_counts(size, accepted, generate):
    """What the module accepts includes the size it was compiled for: 54 is no multiple of 4, as level 2 wants."""
    generated = generate(
        compile_text(
            f"""
            import "std/resnet.spine"
            network deep {{
              input of {size} {{ c1 @1 -> 2  c2 @2 -> 2 }}
              width {{ 1: 4 }}
              sizes any
              b0: residual @1 <- c1, c2 => P1
            }}
            """
        )
    )
    outputs = generated.network().eval()(generated.example(batch=1))
    assert outputs["P1"].shape[-2:] == accepted
