"""The stage table: every stage is a value one can stop at.

source → syntax → network (ir) → expanded → program (graph) → rewritten program (graph -O1, -O2)
source → syntax → model (ir) → assembly → program (graph); its parts' programs are what is rewritten
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from spinedsl.diagnostics import fail, suggestion
from spinedsl.graph.inline import Inlined, inline
from spinedsl.graph.program import Program
from spinedsl.ir.expanded import ExpandedNetwork
from spinedsl.ir.loading import Scope
from spinedsl.ir.model import FeatureInput, Model, Network
from spinedsl.ir.resolve import resolve
from spinedsl.ops import Parameter
from spinedsl.passes import EXPANSION, check_space, elaborate, lower
from spinedsl.profiles import DEFAULT_RUNTIMES, PROFILES, Level, Optimisation
from spinedsl.records import record
from spinedsl.syntax import nodes
from spinedsl.watching import stage

if TYPE_CHECKING:
    from spinedsl.graph.assembly import Assembly, Part
    from spinedsl.rewrites.decisions import Decision

STAGES = ("syntax", "ir", "expanded", "graph")


@record
class Compilation:
    """One network on its way; each stage is made when it is first asked for.

    Every property raises DiagnosticError if its stage finds errors.

    Attributes:
        scope: what the network's file can name.
        syntax: the network as written.
        overrides: declarations laid over it (`--set`).
        given: a network that is resolved already; the three above are then not looked at.
        optimisation: what the program is rewritten for; it stays as it was written without.
    """

    scope: Scope | None = None
    syntax: nodes.Network | None = None
    overrides: tuple[nodes.Network, ...] = ()
    given: Network | None = None
    optimisation: Optimisation | None = None

    @cached_property
    def network(self) -> Network:
        """Resolved, validated, and a member of the space it claims."""
        if self.given is not None:
            return self.given
        assert self.scope is not None and self.syntax is not None
        with stage("network"):
            return check_space(resolve(self.syntax, self.scope, self.overrides))

    @property
    def subject(self) -> Network:
        """What is compiled: name, title, documentation and expectations."""
        return self.network

    def resized(self, height: int, width: int) -> Compilation:
        """The same network for another input size."""
        given = self.network.input.model_copy(update={"height": height, "width": width})
        network = self.network.model_copy(update={"input": given})
        return Compilation(given=network, optimisation=self.optimisation)

    def optimised(self, optimisation: Optimisation | None) -> Compilation:
        """The same network, rewritten for something else."""
        return Compilation(given=self.network, optimisation=optimisation)

    @cached_property
    def expanded(self) -> ExpandedNetwork:
        """Nothing implied any more: the passes of `EXPANSION`."""
        with stage("expanded network"):
            expanded = elaborate(self.network)
            for run in EXPANSION:
                expanded = run(expanded)
            return expanded

    @property
    def program(self) -> Program:
        """Functions and calls."""
        return self._rewritten[0]

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What was rewritten in the program, and what wasn't."""
        return self._rewritten[1]

    @cached_property
    def _rewritten(self) -> tuple[Program, tuple[Decision, ...]]:
        with stage("program"):
            program = lower(self.expanded)
        return _rewrite(program, self.optimisation)

    @cached_property
    def inlined(self) -> Inlined:
        """The program without calls."""
        with stage("inlined program"):
            return inline(self.program)

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Every parameter by its dotted name, in running order."""
        return self.inlined.parameters()


@record
class ModelCompilation:
    """One model on its way; otherwise as `Compilation`.

    What only models need is imported when there is one: networks start sooner.

    Attributes:
        scope, syntax, overrides, given, optimisation: as there.
    """

    scope: Scope | None = None
    syntax: nodes.Model | None = None
    overrides: tuple[nodes.Model, ...] = ()
    given: Model | None = None
    optimisation: Optimisation | None = None

    @cached_property
    def model(self) -> Model:
        """Resolved and validated."""
        if self.given is not None:
            return self.given
        from spinedsl.ir.models import resolve_model

        assert self.scope is not None and self.syntax is not None
        with stage("model"):
            return resolve_model(self.syntax, self.scope, self.overrides)

    @property
    def subject(self) -> Model:
        """What is compiled: name, title, documentation and expectations."""
        return self.model

    @property
    def network(self) -> Network:
        """The backbone, whose input and settings are the model's."""
        return self.model.backbone

    def resized(self, height: int, width: int) -> ModelCompilation:
        """The same model for another input size."""
        backbone = Compilation(given=self.network).resized(height, width).network
        model = self.model.model_copy(update={"backbone": backbone})
        return ModelCompilation(given=model, optimisation=self.optimisation)

    def optimised(self, optimisation: Optimisation | None) -> ModelCompilation:
        """The same model, rewritten for something else."""
        return ModelCompilation(given=self.model, optimisation=optimisation)

    @cached_property
    def parts(self) -> tuple[Compilation, ...]:
        """The backbone and the necks, each over what the one before puts out."""
        parts = [Compilation(given=self.network, optimisation=self.optimisation)]
        for neck in self.model.necks:
            network = _over(neck, parts[-1], self.network)
            parts.append(Compilation(given=network, optimisation=self.optimisation))
        return tuple(parts)

    @property
    def assembly(self) -> Assembly:
        """Every part lowered, and joined."""
        return self._assembled[0]

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What was rewritten in the parts, and what wasn't."""
        made = [decision for part in self.parts for decision in part.decisions]
        return (*made, *self._assembled[1])

    @cached_property
    def _assembled(self) -> tuple[Assembly, tuple[Decision, ...]]:
        """The model, and what was decided about its heads."""
        from spinedsl.passes.lower_model import lower_model

        made: list[Decision] = []

        def rewritten(head: Program) -> Program:
            program, decisions = _rewrite(head, self.optimisation)
            made.extend(decisions)
            return program

        networks = [(part.network, part.program) for part in self.parts]
        with stage("assembly"):
            assembly = lower_model(self.model, networks, rewritten)
        return assembly, tuple(made)

    @property
    def program(self) -> Program:
        """Everything that runs on the image."""
        return self.assembly.program

    @cached_property
    def inlined(self) -> Inlined:
        """The program without calls."""
        with stage("inlined program"):
            return inline(self.program)

    @cached_property
    def regions(self) -> tuple[tuple[Part, Inlined], ...]:
        """The heads that run on regions, without calls."""
        return tuple((part, inline(program)) for part, program in self.assembly.region_programs())

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Every parameter by its dotted name, in running order; those of the heads on regions last."""
        found = self.inlined.parameters()
        for _, inlined in self.regions:
            found |= inlined.parameters()
        return found


AnyCompilation = Compilation | ModelCompilation


def _rewrite(program: Program, optimisation: Optimisation | None) -> tuple[Program, tuple[Decision, ...]]:
    if optimisation is None:
        return program, ()
    # Imported where something is rewritten: checking a network starts sooner.
    from spinedsl.rewrites import rewrite

    with stage("rewritten program"):
        return rewrite(program, optimisation)


def optimised(
    compilation: AnyCompilation, level: Level, runtime: str | None = None, target: str = "torch"
) -> AnyCompilation:
    """The compilation, its programs rewritten as `-O` says, for one of `PROFILES`.

    Args:
        runtime: its name; None for what the target's files usually run in.

    Raises:
        DiagnosticError: there is no such runtime (SP030).
    """
    if runtime is None and level == 0:
        return compilation
    runtime = runtime or DEFAULT_RUNTIMES[target]
    if runtime not in PROFILES:
        raise fail(
            "SP030", f"there is no runtime “{runtime}”",
            help=suggestion(runtime, PROFILES, f"runtimes are {', '.join(PROFILES)}"),
        )  # fmt: skip
    return compilation.optimised(Optimisation(level, PROFILES[runtime]))


def _over(neck: Network, below: Compilation, backbone: Network) -> Network:
    """The neck, reading what the part below it puts out at each level."""
    given = neck.input
    assert isinstance(given, FeatureInput)
    by_level = {endpoint.level: endpoint for endpoint in below.program.endpoints}
    features = []
    for feature in given.features:
        endpoint = by_level.get(feature.level)
        if endpoint is None:
            levels = ", ".join(str(level) for level in by_level)
            raise fail(
                "SP044", f"the neck “{neck.name}” reads level {feature.level}, which “{below.network.name}” doesn't put out",
                neck.span, f"its levels are {levels}",
                help="mark a block of that level as an output, or put another neck between",
            )  # fmt: skip
        features.append(feature.model_copy(update={"channels": endpoint.shape.channels}))
    size = {"height": backbone.input.height, "width": backbone.input.width}
    whole = given.model_copy(update={**size, "features": tuple(features)})
    return neck.model_copy(update={"input": whole, "sizes": backbone.sizes})
