"""`spinec schema`: the JSON Schema of the network IR."""

from __future__ import annotations

import json

import click

from spinedsl.ir.model import Network


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of the network IR, which `show --stage ir --json` follows."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "spinec network IR",
        **{k: v for k, v in Network.model_json_schema(mode="serialization").items() if k != "title"},
    }
    click.echo(json.dumps(schema, indent=2))
