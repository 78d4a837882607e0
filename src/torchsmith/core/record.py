"""The frozen base of everything that is written as JSON or YAML."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """An immutable value that refuses unknown fields.

    Pydantic makes its schema when it is first used: of the hundred kinds of layers and
    results that are imported a command uses a few.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        ser_json_inf_nan="strings",
        allow_inf_nan=True,
        defer_build=True,
    )
