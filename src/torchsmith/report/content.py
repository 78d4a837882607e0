"""What a report is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torchsmith.doctor.diagnosis import Diagnosis
from torchsmith.doctor.signals import Signals
from torchsmith.evaluate.evaluation import Evaluation
from torchsmith.explain.layers import LayerGraph
from torchsmith.explain.weights import Weights
from torchsmith.inspect.inspection import Finding, Inspection
from torchsmith.nn.summary import NetworkSummary
from torchsmith.plan.plan import Plan
from torchsmith.plan.settled import settled
from torchsmith.train.history import EpochRecord


@dataclass(frozen=True)
class ReportContent:
    """All that a report shows.

    Attributes:
        title: The run's name.
        created: When the run began, as text.
        plan: What was asked, with its reasons.
        changed: For a dotted path such as `training.epochs` that the person changed,
            the value that Torchsmith had chosen, as text.
        inspection: What was found out about the data.
        history: What is known after each epoch.
        evaluation: What came out.
        network: Its layers.
        lr: The rate that its schedule goes from, of the parameters that `history`
            records the rate of.
        layers: The same as a graph, to be drawn; None where it is not known.
        weights: Of the first layers, before and after training.
        environment: Versions, device and settings, by name.
        reproduce: The commands that repeat the run, one a line.
        stopped: Why training ended, a sentence such as `"stopped early: …"`.
        timed: Whether it ended by the clock, so that another run may end elsewhere.
        seconds: That the whole run took.
        outlook: What more time would likely bring.
        longer: The command that trains for longer, where that would likely help.
        inside: The command that shows all weights, and an example.
        diagnosis: What the doctor says; None where it was not asked.
        signals: What it sampled while the network trained.
    """

    title: str
    created: str
    plan: Plan
    inspection: Inspection
    history: Sequence[EpochRecord]
    evaluation: Evaluation
    network: NetworkSummary
    lr: float
    changed: Mapping[str, str] = field(default_factory=dict)
    layers: LayerGraph | None = None
    weights: Sequence[Weights] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    reproduce: Sequence[str] = ()
    stopped: str = ""
    timed: bool = False
    seconds: float = 0.0
    outlook: str = ""
    longer: str = ""
    inside: str = ""
    diagnosis: Diagnosis | None = None
    signals: Sequence[Signals] = ()

    @property
    def data_findings(self) -> tuple[Finding, ...]:
        """What was found in the data; what the plan takes care of is a note."""
        return settled(self.inspection.findings, self.plan.split)
