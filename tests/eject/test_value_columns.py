"""A script codes the exact values that its run coded."""

import numpy as np

from tests.eject.test_eject import train, verified

NET = {"TabularMLP": {"hidden": [8], "bins": 4}}


def taxes(folder, gaps):
    """Rows of which a few have a gain, of amounts that tell the answer."""
    draws = np.random.default_rng(0)
    lines = ["age,gain,kind,rich"]
    for i in range(2500):
        gain = (3103, 3137, 5013, 5178)[i // 3 % 4] if i % 3 == 0 else 0
        rich = gain in (3103, 5178) if gain else draws.random() < 0.2
        shown = "" if i % 50 in gaps else gain
        lines.append(f"{20 + i % 61},{shown},{'uvw'[i % 3]},{'yes' if rich else 'no'}")
    path = folder / "taxes.csv"
    path.write_text("\n".join(lines), "utf-8")
    return path


def test_values_with_codes_are_found_as_in_the_run(tmp_path):
    for name, gaps in (("whole", ()), ("gaps", (7, 9))):
        (tmp_path / name).mkdir()
        source = taxes(tmp_path / name, gaps)
        found = train(str(source), tmp_path / name, "rich", network=NET)
        assert found.model.preparation.table.values[0].values == (
            *(0, 3103, 3137, 5013, 5178),
        )
        code = verified(found, tmp_path / name / "train.py")
        assert 'encode_values(table["gain"], train)' in code
        assert {one.column for one in found.evaluation.importance} >= {"gain"}
