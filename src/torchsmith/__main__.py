"""`python -m torchsmith`, which is what `torchrun -m torchsmith` starts."""

from torchsmith.cli.main import main

if __name__ == "__main__":
    main()
