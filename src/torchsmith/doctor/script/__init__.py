"""A person's own training script, run under watch for its first steps.

`examine_script` starts the script in a process of its own, where `child` lays `hooks`
around PyTorch, notes `facts` with the script's lines, and lets the rules judge them.
The file stays as it is, and the script computes what it always computes.
"""

from torchsmith.doctor.script.launch import examine_script

__all__ = ["examine_script"]
