"""The text of the whole file."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from spinedsl.emit.banner import banner
from spinedsl.emit.frameworks import Framework
from spinedsl.emit.torch.extents import extents_of
from spinedsl.emit.torch.layout import collected
from spinedsl.emit.torch.prose import docstring, plain, wrapped
from spinedsl.emit.torch.public import public_class
from spinedsl.emit.torch.register import registration
from spinedsl.emit.torch.register.subject import Subject
from spinedsl.emit.torch.sheet import sheet, standard_imports, torch_imports
from spinedsl.emit.torch.support import refuse_unknown
from spinedsl.emit.torch.templates import render
from spinedsl.emit.torch.trivial import write_in_place
from spinedsl.graph.inline import Inlined
from spinedsl.graph.program import Program
from spinedsl.ir.model import Model, Network
from spinedsl.ir.titles import class_name
from spinedsl.profiles import Optimisation


def emit(
    network: Network,
    program: Program,
    inlined: Inlined,
    register: Collection[Framework] = (),
    checkpoint: bool = False,
) -> str:
    """Write a lowered network as the text of one module that imports only torch, and `register`.

    The same network gives the same text, byte for byte.

    Args:
        network: what the program was lowered from; its identity and its documentation.
        program: functions become classes, `main` becomes the public one.
        inlined: the operators of `program`.
        register: frameworks that the module shall be a backbone of; see docs/frameworks.md.
        checkpoint: whether blocks keep their inputs only in training, and run anew for their gradients.

    Raises:
        DiagnosticError: operators without a rule (SP042), all of them at once; a framework can't
            take the network (SP058).
    """
    refuse_unknown(program)
    extents = extents_of(network, program)
    operators = [node.operator for node in inlined.nodes]
    short = write_in_place(program)
    public = class_name(network)
    classes = sheet(short, extents, operators, {public})
    plan = classes.network(network.definitions, short, checkpoint)
    fields = public_class(network, program, inlined, plan, extents, classes.shared.helpers)
    body = classes.texts([render("class", **fields)])
    subject = Subject(network, program, extents, plan.layers, plan.drops_path)
    added = registration(register, subject, body)
    body += added.texts
    standard = [*standard_imports(body), *added.standard]
    return whole(
        network, program.optimisation, added.needs, standard, added.imports, (public, *added.exports), body
    )


def whole(
    subject: Network | Model,
    optimisation: Optimisation | None,
    needs: str,
    standard: Iterable[str],
    imports: Iterable[str],
    exports: Iterable[str],
    texts: Sequence[str],
) -> str:
    """The file that holds `texts`.

    Args:
        subject: what it was made of.
        optimisation: what its program was rewritten for.
        needs: what must be installed, in words.
        standard: lines of imports from the standard library.
        imports: further lines of imports.
        exports: names of its public classes.
    """
    title = plain(subject.title or "") or subject.name
    return render(
        "module",
        banner=banner(subject, optimisation),
        docstring=docstring(wrapped(f"{title} as a PyTorch module that needs {needs}.", 6), 0),
        standard=sorted(dict.fromkeys(standard), key=_import_order),
        functional=any(re.search(r"\bF\.\w+\(", text) for text in texts),
        imports=sorted(["from torch import nn", *torch_imports(texts), *imports]),
        exports=collected(0, "__all__ = [", [f'"{name}"' for name in exports], "]"),
        texts=texts,
    )


def _import_order(line: str) -> tuple[bool, str]:
    """Plain imports first, as isort has them."""
    return line.startswith("from"), line
