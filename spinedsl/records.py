"""Frozen dataclasses that are cheap to declare.

spinec is a short-lived process that declares some seventy small classes each time it starts.
`dataclasses.dataclass` compiles six methods for each of them, and that was an eighth of the time
of `spinec check` (benchmarks/startup.py). A record compiles one, `__init__`; the other methods are
shared. Type checkers see a frozen dataclass, and so do `dataclasses.fields`, `replace` and `asdict`;
what differs is that a record has no `__slots__`.
"""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")
Fields = dict[str, "dataclasses.Field[Any]"]
_FIELDS = "__dataclass_fields__"


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def record(cls: type[T] | None = None, /, *, kw_only: bool = False) -> Any:
    """Make a class with annotated fields a record.

    Fields take defaults, and `dataclasses.field` with `default`, `default_factory`, `compare`,
    `repr` and `kw_only`. Two records are equal if they are of one class and their compared fields
    are equal; a record can't be changed.

    Args:
        kw_only: fields that don't say so themselves are given by name only.
    """
    if cls is None:
        return lambda cls: _declare(cls, kw_only)
    return _declare(cls, kw_only)


def _declare(cls: type[T], kw_only: bool) -> type[T]:
    fields: Fields = {}
    for base in reversed(cls.__mro__[1:]):
        fields.update(base.__dict__.get(_FIELDS, {}))
    for name, annotation in inspect.get_annotations(cls).items():
        if str(annotation).startswith("ClassVar"):
            continue
        value = cls.__dict__.get(name, dataclasses.MISSING)
        field = value if isinstance(value, dataclasses.Field) else dataclasses.field(default=value)
        if field.default is not dataclasses.MISSING:
            setattr(cls, name, field.default)
        elif value is not dataclasses.MISSING:
            delattr(cls, name)
        if field.kw_only is dataclasses.MISSING:
            field.kw_only = kw_only
        field.name, field.type = name, annotation
        setattr(field, "_field_type", dataclasses._FIELD)  # type: ignore[attr-defined]  # noqa: B010
        fields[name] = field
    setattr(cls, _FIELDS, fields)
    setattr(cls, "__match_args__", tuple(n for n, f in fields.items() if not f.kw_only))  # noqa: B010
    setattr(cls, "__init__", _initialiser(fields, hasattr(cls, "__post_init__")))  # noqa: B010
    shared = {
        "__repr__": _shown([n for n, f in fields.items() if f.repr]),
        **_compared(tuple(n for n, f in fields.items() if f.compare)),
        "__setattr__": _refuse,
        "__delattr__": _refuse,
    }
    for name, method in shared.items():
        # Python gives a class that defines __eq__ a __hash__ of None.
        if cls.__dict__.get(name) is None:
            setattr(cls, name, method)
    return cls


def _initialiser(fields: Fields, post: bool) -> Any:
    """`__init__`, compiled so that calls are as fast as a dataclass's."""
    namespace: dict[str, Any] = {"MISSING": dataclasses.MISSING}
    ordered, lines = ["self"], ["__state__ = self.__dict__"]  # a field may be called `values`
    named: list[str] = []
    for name, field in fields.items():
        parameter, value = name, name
        if field.default is not dataclasses.MISSING:
            namespace[f"default_{name}"] = field.default
            parameter += f"=default_{name}"
        elif field.default_factory is not dataclasses.MISSING:
            namespace[f"make_{name}"] = field.default_factory
            parameter += "=MISSING"
            value = f"make_{name}() if {name} is MISSING else {name}"
        (named if field.kw_only else ordered).append(parameter)
        lines.append(f"__state__[{name!r}] = {value}")
    if post:
        lines.append("self.__post_init__()")
    parameters = ", ".join([*ordered, *(["*", *named] if named else [])])
    # Field names are identifiers of this package's own classes.
    exec(f"def __init__({parameters}):\n    " + "\n    ".join(lines), namespace)
    return namespace["__init__"]


def _compared(names: tuple[str, ...]) -> dict[str, Any]:
    def equal(self: Any, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other):
            return False
        mine, theirs = self.__dict__, other.__dict__
        return all(mine[name] == theirs[name] for name in names)

    def hashed(self: Any) -> int:
        values = self.__dict__
        return hash(tuple([values[name] for name in names]))

    return {"__eq__": equal, "__hash__": hashed}


def _shown(names: list[str]) -> Any:
    def show(self: Any) -> str:
        values = self.__dict__
        return f"{type(self).__qualname__}({', '.join(f'{n}={values[n]!r}' for n in names)})"

    return show


def _refuse(self: Any, name: str, *value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot change field {name!r}")
