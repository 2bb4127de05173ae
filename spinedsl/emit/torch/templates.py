"""The templates of the target: they place finished strings, and decide nothing."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, StrictUndefined, Template

from spinedsl import resources


@cache
def _template(name: str) -> Template:
    environment = Environment(
        trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined, autoescape=False
    )
    return environment.from_string(resources.text("codegen_templates", f"torch/{name}.jinja"))


def render(template: str, /, **values: object) -> str:
    """The text of `codegen_templates/torch/TEMPLATE.jinja`, ending in one line break."""
    return _template(template).render(**values).rstrip("\n") + "\n"
