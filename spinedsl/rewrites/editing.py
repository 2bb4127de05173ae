"""What rewrites of functions have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from spinedsl.graph.program import Call, Function, Program


def reads(function: Function) -> Counter[str]:
    """How often each value is read in a function; what it returns counts too."""
    counts = Counter(value for node in function.nodes for value in node.inputs)
    counts.update(value for _, value in function.outputs)
    return counts


def each_function(program: Program, rewrite: Callable[[Function], Function]) -> Program:
    """The program with all its functions rewritten, those that are called before their callers."""
    functions = {name: rewrite(function) for name, function in program.functions.items()}
    return with_functions(program, functions, rewrite(program.main))


def with_functions(program: Program, functions: Mapping[str, Function], main: Function) -> Program:
    """The program with other functions, which know anew how much they run and whether levels differ."""
    counted: dict[str, Function] = {}
    for name, function in functions.items():
        counted[name] = _counted(function, counted)
    return replace(program, functions=counted, main=_counted(main, counted))


def _counted(function: Function, functions: Mapping[str, Function]) -> Function:
    operators, levelled = 0, False
    for node in function.nodes:
        if isinstance(node.target, Call):
            called = functions[node.target.function]
            operators += called.operators
            levelled |= called.levelled
        else:
            operators += 1
            levelled |= node.own
    if (operators, levelled) == (function.operators, function.levelled):
        return function
    return replace(function, operators=operators, levelled=levelled)


def called_functions(functions: Mapping[str, Function], main: Function) -> dict[str, Function]:
    """Those of some functions that are called, those that are called before their callers."""
    found: dict[str, Function] = {}
    waiting = [(main, _calls(main))]
    while waiting:
        function, inside = waiting[-1]
        # Each iterator goes on where it was: every call is looked at once.
        missing = next((name for name in inside if name not in found), None)
        if missing is not None:
            waiting.append((functions[missing], _calls(functions[missing])))
            continue
        waiting.pop()
        if waiting:
            found[function.name] = function
    return found


def _calls(function: Function) -> Iterator[str]:
    return (node.target.function for node in function.nodes if isinstance(node.target, Call))
