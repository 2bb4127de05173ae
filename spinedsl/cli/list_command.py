"""`spinec list`: what ships with spinec."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from spinedsl.specification import standard_models, standard_networks


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(as_json: bool) -> None:
    """List the networks and models that ship with spinec; `std:NAME` names them from anywhere.

    \b
    Examples:
      spinec list
      spinec list --json
    """
    networks, models = standard_networks(), standard_models()
    if as_json:
        kinds = (("network", networks), ("model", models))
        click.echo(json.dumps([{"kind": kind, **asdict(n)} for kind, all_ in kinds for n in all_], indent=2))
        return
    name = max(len(n.name) for n in (*networks, *models))
    title = max(len(n.title) for n in (*networks, *models))
    for heading, listed in (("networks", networks), ("models", models)):
        click.echo(f"{heading}:")
        for item in listed:
            click.echo(f"  std:{item.name:<{name}}  {item.title:<{title}}  specs/{item.file}")
