"""The stages, one module each, and the table of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from estim.console.contract import Console
from estim.console.draft import Stage
from estim.console.pane import Pane
from estim.console.stages.assessment import AssessmentPane
from estim.console.stages.device import DevicePane
from estim.console.stages.home import HomePane, SignInPane
from estim.console.stages.levels import LevelsPane
from estim.console.stages.outcome import OutcomePane
from estim.console.stages.pads import PadsPane
from estim.console.stages.plan import PlanPane
from estim.console.stages.screening import ScreeningPane
from estim.console.stages.treat import TreatPane

STAGES: Mapping[Stage, type[Pane]] = MappingProxyType(
    {
        Stage.HOME: HomePane,
        Stage.PLAN: PlanPane,
        Stage.ASSESSMENT: AssessmentPane,
        Stage.SCREENING: ScreeningPane,
        Stage.PADS: PadsPane,
        Stage.DEVICE: DevicePane,
        Stage.LEVELS: LevelsPane,
        Stage.TREAT: TreatPane,
        Stage.OUTCOME: OutcomePane,
    }
)


def make_pane(stage: Stage, console: Console) -> Pane:
    """The pane of a stage."""
    return STAGES[stage](console)


def first_pane(console: Console) -> Pane:
    """Where a station begins: somebody signs in."""
    return SignInPane(console)
