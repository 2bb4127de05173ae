"""The torch target: a Program as one readable file that imports only torch.

    program ─trivial─▶ program ─grouping─▶ groups ─classes─▶ class plans ─┬─▶ sheet ─templates─▶ text
                                            main ─network─▶ network plan ─┘

* operators.py: the table of what each operator is in torch; nothing else knows operators.
* trivial.py, grouping.py, naming.py: which functions become classes, and what those are called.
* parameters.py, classes.py: what differs within a group becomes constructor parameters.
* forward.py, layout.py, prose.py: statements, line breaks, free text.
* sheet.py: the classes of one file; public.py and head.py: the public ones; module.py: the file.
* model_module.py, tasks/: the file of a model, which trains and detects; it needs torchvision.ops.
* register/: sections that make a network a backbone of a framework.

torch itself is never imported here.
"""

from spinedsl.emit.torch.model_module import emit_model
from spinedsl.emit.torch.module import emit

__all__ = ["emit", "emit_model"]
