"""Which network a search tries next, as Optuna's samplers; a trial's parameters are the digits of an encoding.

Whatever proposes, what is tried is a member that meets the requirements and wasn't tried before: a
proposal that isn't is changed by moves, ever more of them, and drawn anew if that doesn't help.

    random      uniformly, by number
    evolution   regularised evolution (Real et al. 2019, arXiv 1802.01548): of some of the youngest networks
                the best is changed by one move
    tpe         Optuna's tree-structured Parzen estimator, every digit a category
    nsga2       Optuna's NSGA-II (Deb et al. 2002); children are crossed and changed as spaces do it
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from random import Random
from typing import Any, Literal, get_args

from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, NSGAIISampler, TPESampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState

from spinedsl.analysis.requirements import Requirements
from spinedsl.ir.fingerprint import spec_hash
from spinedsl.spaces.moves import crossover, mutate
from spinedsl.spaces.sampling import SMALL, refused, sample
from spinedsl.spaces.search_space import Encoding, SearchSpace

Name = Literal["random", "evolution", "tpe", "nsga2"]
NAMES: tuple[Name, ...] = get_args(Name)
NETWORK = "network"
"""The attribute of a trial that says which network it is: the hash of its spec."""
TRIES = 200
"""Changes of a proposal before something is drawn instead."""
DRAWS, MANY_DRAWS = 100, 2_000
"""Members drawn, all of them tried before, until a small space is looked through for what is left, and until a
large one is given up."""
YOUNG, TOURNAMENT = 50, 10
"""Of regularised evolution: networks that are young, and those of them that are compared."""
GENERATION = 20
"""Networks of a generation of NSGA-II: a search of a hundred has five."""
STARTUP = 10
"""Networks drawn before anything is concluded from them."""


class Exhausted(Exception):
    """Every member that meets the requirements has been tried."""


Propose = Callable[[Study, FrozenTrial, Random], Encoding | None]
"""A proposal for a trial; None for a network drawn uniformly."""


@dataclass
class Candidates:
    """The networks of a space that a search may try.

    Attributes:
        requirements: what they must meet.
        distributions: of the digits that have a choice.
    """

    space: SearchSpace
    requirements: Requirements
    distributions: dict[str, CategoricalDistribution] = field(init=False)

    def __post_init__(self) -> None:
        self.distributions = {
            digit.name: CategoricalDistribution(range(digit.size))
            for digit in self.space.digits
            if digit.size > 1
        }

    def suggested(self, trial: Trial) -> Encoding:
        """The encoding that a trial gets, of its sampler or the queue.

        Raises:
            Exhausted, DiagnosticError: as `new`.
        """
        for name, distribution in self.distributions.items():
            trial.suggest_categorical(name, distribution.choices)
        return self.encoding(trial.params)

    def encoding(self, digits: dict[str, Any]) -> Encoding:
        """The encoding that a trial's parameters say."""
        return tuple(int(digits.get(digit.name, 0)) for digit in self.space.digits)

    def digits(self, encoding: Encoding) -> dict[str, Any]:
        """The parameters that say an encoding."""
        said = zip(self.space.digits, encoding, strict=True)
        return {digit.name: value for digit, value in said if digit.name in self.distributions}

    def identity(self, encoding: Encoding) -> str:
        """What two encodings have in common if they stand for one network."""
        return spec_hash(self.space.network(encoding))

    def new(self, proposal: Encoding | None, tried: set[str], random: Random) -> Encoding:
        """A member that meets the requirements and wasn't tried, near a proposal.

        Raises:
            Exhausted: there is none.
            DiagnosticError: none was found that meets the requirements (SP047).
        """
        for encoding in self._near(proposal, random):
            network = self.space.network(encoding)
            if spec_hash(network) not in tried and not refused(network, self.requirements):
                return encoding
        raise Exhausted

    def _near(self, proposal: Encoding | None, random: Random) -> Iterator[Encoding]:
        if proposal is not None:
            yield proposal
            for number in range(TRIES):
                yield mutate(self.space, proposal, random, 1 + number // 20)
        drawn = sample(self.space, self.requirements, random.getrandbits(32))
        # Where next to all has been tried, nothing new may be drawn for ever.
        small = self.space.size <= SMALL
        for member in islice(drawn, DRAWS if small else MANY_DRAWS):
            yield member.encoding
        if small:
            yield from map(self.space.unrank, range(self.space.size))


class MemberSampler(BaseSampler):
    """Proposes members that are new.

    Attributes:
        propose: where to look.
        inner: a sampler that has to be told of trials.
    """

    def __init__(self, candidates: Candidates, propose: Propose, seed: int, inner: BaseSampler | None = None):
        self.candidates, self.propose, self.seed, self.inner = candidates, propose, seed, inner

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return dict(self.candidates.distributions)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        random = Random(f"{self.seed} {trial.number}")
        proposal = self.propose(study, trial, random)
        return self.candidates.digits(self.candidates.new(proposal, tried(study), random))

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        raise AssertionError(f"no digit is decided alone: {param_name}")

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        if self.inner is not None:
            self.inner.before_trial(study, trial)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        if self.inner is not None:
            self.inner.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        """Nothing: what is drawn follows from the seed and the number of the trial."""


def tried(study: Study) -> set[str]:
    """The networks of all trials, whatever came of them; those that wait to be tried again, too."""
    trials = study.get_trials(deepcopy=False)
    return {trial.user_attrs[NETWORK] for trial in trials if NETWORK in trial.user_attrs}


def sampler(name: Name, candidates: Candidates, seed: int, known: int, workers: int) -> MemberSampler:
    """The sampler of a name.

    Args:
        seed: equal seeds propose equal networks, if nothing runs side by side.
        known: trials that there are already, so that a search that goes on doesn't propose the same again.
        workers: how many trials run side by side.
    """
    if name == "random":
        return MemberSampler(candidates, lambda study, trial, random: None, seed)
    if name == "evolution":
        return MemberSampler(candidates, _Evolution(candidates), seed)
    with warnings.catch_warnings():
        # Optuna says of these arguments that they may change.
        warnings.simplefilter("ignore", ExperimentalWarning)
        inner = _tpe(_mixed(seed, known), workers) if name == "tpe" else _nsga2(candidates, seed, known)
    return MemberSampler(candidates, _asking(inner, candidates), seed, inner)


def _tpe(seed: int, workers: int) -> BaseSampler:
    """All digits at once (`multivariate`); side by side, networks on their way count as bad ones."""
    return TPESampler(n_startup_trials=STARTUP, multivariate=True, constant_liar=workers > 1, seed=seed)


def _nsga2(candidates: Candidates, seed: int, known: int) -> BaseSampler:
    children = _Children(candidates, seed)
    return NSGAIISampler(
        population_size=GENERATION, seed=_mixed(seed, known), child_generation_strategy=children
    )


def _mixed(seed: int, known: int) -> int:
    return Random(f"{seed} after {known}").getrandbits(32)


def _asking(inner: BaseSampler, candidates: Candidates) -> Propose:
    def propose(study: Study, trial: FrozenTrial, random: Random) -> Encoding | None:
        digits = inner.sample_relative(study, trial, dict(candidates.distributions))
        return candidates.encoding(digits) if digits else None

    return propose


@dataclass
class _Evolution:
    """Regularised evolution: the old die, however good they are."""

    candidates: Candidates

    def __call__(self, study: Study, trial: FrozenTrial, random: Random) -> Encoding | None:
        done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if len(done) < STARTUP:
            return None
        young = done[-YOUNG:]
        compared = random.sample(young, min(TOURNAMENT, len(young)))
        minimised = study.direction is StudyDirection.MINIMIZE
        best = (min if minimised else max)(compared, key=lambda each: each.value or 0.0)
        return mutate(self.candidates.space, self.candidates.encoding(best.params), random)


@dataclass
class _Children:
    """A child of two parents of NSGA-II: crossed and changed as spaces do it."""

    candidates: Candidates
    seed: int

    def __call__(
        self, study: Study, search_space: dict[str, BaseDistribution], parents: list[FrozenTrial]
    ) -> dict[str, Any]:
        random = Random(f"{self.seed} {len(study.get_trials(deepcopy=False))}")
        one, other = (self.candidates.encoding(_tournament(study, parents, random).params) for _ in range(2))
        space = self.candidates.space
        return self.candidates.digits(mutate(space, crossover(space, one, other, random), random))


def _tournament(study: Study, parents: list[FrozenTrial], random: Random) -> FrozenTrial:
    """The better of two, or either if neither is better in everything."""
    one, other = random.choice(parents), random.choice(parents)
    return other if dominates(other.values, one.values, study.directions) else one


def dominates(one: Sequence[float], other: Sequence[float], directions: Sequence[StudyDirection]) -> bool:
    """Whether one is nowhere worse than another, and somewhere better."""
    signed = [
        (b - a) if direction is StudyDirection.MINIMIZE else (a - b)
        for a, b, direction in zip(one, other, directions, strict=True)
    ]
    return min(signed) >= 0 and max(signed) > 0
