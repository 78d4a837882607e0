"""All kinds of fault that are put into data and plans, by name.

Left out are what is advice and hurts no score (D2, Q1 by itself, D21, D28 and the
like), and Q2, which the training does not allow: nothing of it reads the test part.
"""

from benchmarks.doctor.fault import Fault
from benchmarks.doctor.faults_data import DATA_FAULTS
from benchmarks.doctor.faults_network import NETWORK_FAULTS
from benchmarks.doctor.faults_parts import PARTS_FAULTS
from benchmarks.doctor.faults_plan import PLAN_FAULTS
from benchmarks.doctor.faults_training import TRAINING_FAULTS

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        *DATA_FAULTS,
        *PARTS_FAULTS,
        *PLAN_FAULTS,
        *NETWORK_FAULTS,
        *TRAINING_FAULTS,
    )
}
