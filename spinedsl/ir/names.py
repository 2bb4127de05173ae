"""Names that become attributes of the generated module, and what they may be."""

from __future__ import annotations

import keyword

from spinedsl.diagnostics import fail
from spinedsl.syntax import nodes

RESERVED = frozenset(
    [
        "T_destination",
        "add_module",
        "apply",
        "bfloat16",
        "buffers",
        "call_super_init",
        "children",
        "compile",
        "cpu",
        "cuda",
        "double",
        "dump_patches",
        "eval",
        "extra_repr",
        "float",
        "forward",
        "get_buffer",
        "get_extra_state",
        "get_parameter",
        "get_submodule",
        "half",
        "ipu",
        "load_state_dict",
        "modules",
        "mtia",
        "named_buffers",
        "named_children",
        "named_modules",
        "named_parameters",
        "parameters",
        "register_backward_hook",
        "register_buffer",
        "register_forward_hook",
        "register_forward_pre_hook",
        "register_full_backward_hook",
        "register_full_backward_pre_hook",
        "register_load_state_dict_post_hook",
        "register_load_state_dict_pre_hook",
        "register_module",
        "register_parameter",
        "register_state_dict_post_hook",
        "register_state_dict_pre_hook",
        "requires_grad_",
        "set_extra_state",
        "set_submodule",
        "share_memory",
        "state_dict",
        "to",
        "to_empty",
        "train",
        "training",
        "type",
        "xpu",
        "zero_grad",
        "levels",
        "strides",
        "out_channels",
        "feature_info",
        "initialise",
        "self",
        "torch",
        "nn",
        "F",
        "math",
        "stem",
        "image",
    ]
)
"""What a torch module, or the generated one, already calls something. A test compares it with torch."""

RESERVED_LEVELS = frozenset(["clear", "items", "keys", "pop", "update", "values"])
"""What an `nn.ModuleDict` calls something: its keys are levels, which are named like endpoints."""

RESERVED_PARTS = frozenset(
    [
        "classes",
        "detections",
        "label_smoothing",
        "losses",
        "mask_losses",
        "max_candidates",
        "max_detections",
        "max_proposals",
        "nms_threshold",
        "outputs",
        "proposal_losses",
        "proposals",
        "region_detections",
        "region_losses",
        "region_outputs",
        "score_threshold",
        "with_masks",
    ]
)
"""What the generated class of a model calls something, beside `RESERVED`; its heads are attributes too."""

_ENDS = ("block", "input", "endpoint")
"""What a connection can start or end at."""


_ALSO = {"endpoint": RESERVED_LEVELS, "head": RESERVED_PARTS}
"""What is reserved for one kind of thing."""


def check_name(name: nodes.Name, what: str) -> None:
    """See that a name may become an attribute of the generated module.

    Raises:
        DiagnosticError: it would break the generated code (SP025).
    """
    text = name.text
    if keyword.iskeyword(text) or text in RESERVED | _ALSO.get(what, frozenset()):
        reason = "is a word of Python" if keyword.iskeyword(text) else "already means something in a module"
    elif text.startswith("_") or "__" in text:
        reason = "starts with “_” or holds “__”, which Python keeps for itself"
    elif "_to_" in text and what in _ENDS:
        reason = "holds “_to_”, which names connections"
    else:
        return
    article = "an" if what[0] in "aeiou" else "a"
    raise fail(
        "SP025",
        f"“{text}” can't be the name of {article} {what}: it {reason}",
        name.span,
        help="choose another name",
    )
