"""The lark parser: built from grammars/spine.lark, or restored from its saved table.

Building the LALR table takes about 0.1 s, restoring it 0.02 s. The saved table is plain JSON
(lark's own `save` would need unpickling), belongs to one version of lark and one text of the
grammar, and is ignored when either differs. `make grammar` writes it anew.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any

import lark
from lark.grammar import Rule
from lark.lexer import PatternStr, TerminalDef

from spinedsl import resources
from spinedsl.syntax.lexer import Lexer

GRAMMAR = "spine.lark"
TABLE = "spine.table.json"
_PLUGINS = {"ContextualLexer": Lexer}


@cache
def parser() -> lark.Lark:
    """The parser of the language, shared by all callers."""
    text = resources.text("grammars", GRAMMAR)
    try:
        saved = json.loads(resources.text("grammars", TABLE))
    except (OSError, ValueError):
        saved = {}
    if saved.get("key") == _key(text):
        return _restore(saved)
    return _build(text)


@cache
def keywords() -> frozenset[str]:
    """The words that mean something at some place; elsewhere they are ordinary names."""
    patterns = (terminal.pattern for terminal in parser().terminals)
    return frozenset(
        p.value for p in patterns if isinstance(p, PatternStr) and p.value.replace("_", "").isalpha()
    )


def table() -> str:
    """The text that `grammars/spine.table.json` should hold."""
    text = resources.text("grammars", GRAMMAR)
    data, memo = _build(text).memo_serialize([Rule, TerminalDef])
    data["options"]["_plugins"] = {}
    saved = {"key": _key(text), "data": data, "memo": memo}
    return json.dumps(saved, separators=(",", ":"), sort_keys=True, default=_jsonable) + "\n"


def _jsonable(value: Any) -> Any:
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(type(value))


def _key(grammar: str) -> str:
    return f"lark {lark.__version__} {hashlib.sha256(grammar.encode()).hexdigest()}"


def _build(grammar: str) -> lark.Lark:
    return lark.Lark(
        grammar,
        parser="lalr",
        lexer="contextual",
        propagate_positions=True,
        maybe_placeholders=True,
        _plugins=_PLUGINS,
    )


def _restore(saved: dict[str, Any]) -> lark.Lark:
    # JSON knows only text keys; lark numbers its states and its memo.
    memo = {int(key): value for key, value in saved["memo"].items()}
    data = saved["data"]
    lalr = data["parser"]["parser"]
    # Its tokens have numbers too, but lark only looks them up in the list of their names.
    lalr["states"] = {int(state): actions for state, actions in lalr["states"].items()}
    restored: lark.Lark = lark.Lark._load_from_dict(data, memo, _plugins=_PLUGINS)  # type: ignore[no-untyped-call]
    return restored


if __name__ == "__main__":
    # `make grammar`
    (resources.folder("grammars") / TABLE).write_text(table(), encoding="utf-8")
