"""`spinec schema`: the JSON Schema of the IR."""

from __future__ import annotations

import json

import click

from spinedsl.ir.model import Model, Network


@click.command("schema")
@click.option("--model", "of_model", is_flag=True, help="Of models; of networks otherwise.")
def command(of_model: bool) -> None:
    """Print the JSON Schema of the network IR, which `show --stage ir --json` follows.

    \b
    Examples:
      spinec schema > network.schema.json
      spinec schema --model > model.schema.json
    """
    described = Model if of_model else Network
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"spinec {described.__name__.lower()} IR",
        **{k: v for k, v in described.model_json_schema(mode="serialization").items() if k != "title"},
    }
    click.echo(json.dumps(schema, indent=2))
