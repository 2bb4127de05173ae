"""`[tool.spinec.lint]`: how files are linted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from spinedsl.configuration.document import SECTION, Document
from spinedsl.configuration.places import Keys
from spinedsl.diagnostics import Diagnostics, suggestion
from spinedsl.lint import Level, Rule, Settings, rule_called
from spinedsl.lint.rules import near_rule
from spinedsl.profiles import PROFILES

MAX_OPTION = 1_000_000
Reader = Callable[[Any, Keys], None]
"""What reads the value of a key."""
Ignored = tuple[tuple[str, tuple[str, ...]], ...]
"""Pattern of paths → codes."""


def read_section(document: Document) -> tuple[Settings, Ignored]:
    """What a document says: settings for all files, and rules that are off in some.

    Raises:
        DiagnosticError: everything that is wrong with it.
    """
    return _Reading(document).read()


class _Reading:
    """Values become settings, and problems diagnostics with their places."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.diagnostics = Diagnostics()
        self.levels: dict[str, Level] = {}
        self.options: dict[str, int] = {}
        self.fields: dict[str, Any] = {}
        self.ignored: list[tuple[str, tuple[str, ...]]] = []

    def read(self) -> tuple[Settings, Ignored]:
        """Everything."""
        self._each(self.document.section, SECTION, {"lint": self._lint})
        self.diagnostics.stop_on_errors()
        settings = Settings(levels=self.levels, options=self.options, **self.fields)
        return settings, tuple(self.ignored)

    # ---- the keys

    def _lint(self, value: Any, path: Keys) -> None:
        known = {
            "rules": self._rules,
            "per-file-ignores": self._per_file_ignores,
            "runtime": self._runtime,
            "opset": self._opset,
            "weights": self._weights,
        }
        self._each(value, path, known)
        if "opset" in self.fields and "runtime" not in value:
            self._wrong(
                (*path, "opset"), "SP032", "an opset alone doesn't say who shall run it",
                'name the runtime, too: `runtime = "ort-cuda"`',
            )  # fmt: skip

    def _rules(self, value: Any, path: Keys) -> None:
        for name, given in self._items(value, path):
            rule = self._rule(name, (*path, name))
            if rule is None:
                continue
            if rule.code in self.levels or rule.code in self.options:
                self._wrong(
                    (*path, name), "SP024", f"“{rule.code}” is set twice: by its code and by its name",
                    "remove one of them",
                )  # fmt: skip
            elif isinstance(given, dict):
                self._rule_table(rule, given, (*path, name))
            else:
                self._level(rule, given, (*path, name))

    def _rule_table(self, rule: Rule, value: Any, path: Keys) -> None:
        known: dict[str, Reader] = {"level": lambda value, path: self._level(rule, value, path)}
        if rule.option is not None:
            known[rule.option.name] = lambda value, path: self._option(rule, value, path)
        self._each(value, path, known)

    def _level(self, rule: Rule, value: Any, path: Keys) -> None:
        levels = {level.value: level for level in Level}
        if isinstance(value, str) and value in levels:
            self.levels[rule.code] = levels[value]
            return
        shown = ", ".join(f'"{name}"' for name in levels)
        text = value if isinstance(value, str) else ""
        hint = suggestion(text, levels, f"write one of {shown}")
        self._wrong(path, "SP030", f"a level is one of {shown}, not {_shown(value)}", hint)

    def _option(self, rule: Rule, value: Any, path: Keys) -> None:
        assert rule.option is not None
        if type(value) is int and rule.option.least <= value <= MAX_OPTION:
            self.options[rule.code] = value
            return
        self._wrong(
            path, "SP030",
            f"“{rule.option.name}” is a whole number from {rule.option.least} to {MAX_OPTION:,}, not {_shown(value)}",
            f"write `{rule.option.name} = {rule.option.default}`, the default, or another",
        )  # fmt: skip

    def _per_file_ignores(self, value: Any, path: Keys) -> None:
        for pattern, given in self._items(value, path):
            if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
                self._wrong(
                    (*path, pattern), "SP030", f"rules are a list of codes or names, not {_shown(given)}",
                    'write `["SP104"]`',
                )  # fmt: skip
                continue
            rules = [self._rule(name, (*path, pattern, index)) for index, name in enumerate(given)]
            self.ignored.append((pattern, tuple(rule.code for rule in rules if rule is not None)))

    def _runtime(self, value: Any, path: Keys) -> None:
        known = [name for name, profile in PROFILES.items() if profile.onnx is not None]
        if value in known:
            self.fields["runtime"] = value
            return
        shown = f"runtimes are {', '.join(known)}"
        if not isinstance(value, str):
            self._wrong(path, "SP030", f"a runtime is a name, not {_shown(value)}", shown)
        elif value in PROFILES:
            self._wrong(path, "SP030", f"“{value}” runs modules, and no ONNX files", shown)
        else:
            self._wrong(
                path, "SP030", f"there is no runtime {_shown(value)}", suggestion(value, known, shown)
            )

    def _opset(self, value: Any, path: Keys) -> None:
        # The ONNX target, where somebody speaks of it.
        from spinedsl.emit.onnx.options import OPSETS

        if type(value) is int and value in OPSETS:
            self.fields["opset"] = value
            return
        self._wrong(
            path, "SP030", f"opset {_shown(value)} can't be written",
            f"choose one from {OPSETS.start} to {OPSETS.stop - 1}; 17 runs everywhere",
        )  # fmt: skip

    def _weights(self, value: Any, path: Keys) -> None:
        found: dict[str, Path] = {}
        for network, file in self._items(value, path):
            if isinstance(file, str) and file and "\0" not in file:
                found[network] = self.document.folder / file
                continue
            self._wrong(
                (*path, network), "SP030", f"weights are the path of a file, not {_shown(file)}",
                f'write `{network} = "weights/{network}.safetensors"`',
            )  # fmt: skip
        self.fields["weights"] = found

    # ---- what they have in common

    def _each(self, value: Any, path: Keys, known: Mapping[str, Reader]) -> None:
        """Read each key of a table by its reader."""
        for key, inner in self._items(value, path):
            if key in known:
                known[key](inner, (*path, key))
            else:
                table = ".".join(map(str, path))
                otherwise = f"its keys are {', '.join(known)}"
                self._wrong(
                    (*path, key), "SP020", f"[{table}] has no key “{key[:64]}”", suggestion(key, known, otherwise)
                )  # fmt: skip

    def _items(self, value: Any, path: Keys) -> Iterable[tuple[str, Any]]:
        if isinstance(value, dict):
            return value.items()
        self._wrong(
            path,
            "SP030",
            f"“{path[-1]}” is a table, not {_shown(value)}",
            f"write `[{'.'.join(map(str, path))}]`",
        )
        return ()

    def _rule(self, name: str, path: Keys) -> Rule | None:
        rule = rule_called(name)
        if rule is None:
            self._wrong(path, "SP020", f"there is no rule “{name[:64]}”", near_rule(name))
        return rule

    def _wrong(self, path: Keys, code: str, message: str, help: str | None) -> None:
        self.diagnostics.add(code, message, self.document.place(path), help=help)


def _shown(value: object) -> str:
    """A value as TOML would have it, shortened."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f"“{value[:64]}”"
        case int() if abs(value) >= 10**18:
            return "a number as large"
        case int() | float():
            return str(value)
        case dict():
            return "a table"
        case list():
            return "a list"
    return "a date"
