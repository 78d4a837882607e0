"""The `torchsmith` command, and `python -m torchsmith`, which `torchrun` starts."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C while it is still imported is no traceback."""
    try:
        from torchsmith.cli.main import main as run
    except KeyboardInterrupt:
        print("interrupted; nothing was begun yet", file=sys.stderr)  # noqa: T201
        raise SystemExit(130) from None
    run()


if __name__ == "__main__":
    main()
