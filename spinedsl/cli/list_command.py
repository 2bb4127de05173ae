"""`spinec list`: what ships with spinec."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from spinedsl.specification import standard_networks


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(as_json: bool) -> None:
    """List the networks that ship with spinec; `std:NAME` names them from anywhere."""
    networks = standard_networks()
    if as_json:
        click.echo(json.dumps([asdict(n) for n in networks], indent=2))
        return
    name = max(len(n.name) for n in networks)
    title = max(len(n.title) for n in networks)
    for network in networks:
        click.echo(f"std:{network.name:<{name}}  {network.title:<{title}}  specs/{network.file}")
