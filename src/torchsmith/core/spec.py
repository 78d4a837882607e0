"""A choice from a closed set, written as in PyTorch: `ReLU`, `Linear: 500`.

A `Spec` is one member; `Annotated[A | B, OneOf()]` is the closed set. In a plan a
member stands as its name (`ReLU`), as its name with its main argument (`Linear: 500`),
or as its name with arguments (`Linear: {out_features: 500, bias: false}`). Arguments
that nobody chose are left out when it is written.
"""

from typing import Any, ClassVar, Self, get_args

from pydantic import (
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from torchsmith.core.record import Record


class Spec(Record):
    """One member of a closed set, named as in PyTorch."""

    main: ClassVar[str | None] = None
    """The argument that may stand alone: `Linear: 500`."""

    @classmethod
    def spec_name(cls) -> str:
        """Return the name under which the spec stands in a plan."""
        return cls.__name__

    @model_validator(mode="wrap")
    @classmethod
    def _unwrap(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:  # noqa: ANN401
        name = cls.spec_name()
        if value == name:
            value = {}
        elif isinstance(value, dict) and list(value) == [name]:
            value = value[name]
            if value is None:
                value = {}
            elif cls.main is not None and (
                not isinstance(value, dict) or cls._main_is_mapping(value)
            ):
                value = {cls.main: value}
        return handler(value)

    @classmethod
    def _main_is_mapping(cls, value: dict[Any, Any]) -> bool:
        del value
        return False

    @model_serializer(mode="wrap")
    def _wrap(self, handler: SerializerFunctionWrapHandler) -> Any:  # noqa: ANN401
        chosen = self.model_fields_set
        arguments = {k: v for k, v in handler(self).items() if k in chosen}
        name = self.spec_name()
        if not arguments:
            return name
        if set(arguments) == {self.main}:
            return {name: arguments[self.main]}
        return {name: arguments}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Describe the forms in which the spec may stand in a plan."""
        arguments = handler.resolve_ref_schema(handler(schema))
        forms: list[dict[str, Any]] = [arguments]
        if cls.main is not None:
            forms.append(arguments.get("properties", {}).get(cls.main, {}))
        name = cls.spec_name()
        choices: list[dict[str, Any]] = [
            {
                "type": "object",
                "properties": {name: {"anyOf": forms}},
                "required": [name],
                "additionalProperties": False,
            }
        ]
        if not any(field.is_required() for field in cls.model_fields.values()):
            choices.append({"const": name})
        return {"anyOf": choices}


class OneOf:
    """Marks a union of specs as a closed set chosen by name.

    ```
    Layer = Annotated[Linear | ReLU, OneOf()]
    ```
    """

    def __get_pydantic_core_schema__(
        self,
        source: Any,  # noqa: ANN401
        handler: GetCoreSchemaHandler,
    ) -> CoreSchema:
        """Choose the member by its name, so that only its errors are reported."""
        return core_schema.tagged_union_schema(
            {
                member.spec_name(): handler.generate_schema(member)
                for member in members(source)
            },
            discriminator=_name_of,
            # Of a spec that holds specs of its own set, pydantic writes the name twice.
            serialization=core_schema.plain_serializer_function_ser_schema(
                _written, info_arg=True
            ),
        )


def members(union: Any) -> tuple[type[Spec], ...]:  # noqa: ANN401
    """Return the specs that an annotation allows, whatever surrounds them."""
    if isinstance(union, type) and issubclass(union, Spec):
        return (union,)
    return tuple(spec for part in get_args(union) for spec in members(part))


def _written(spec: Spec, info: SerializationInfo) -> Any:  # noqa: ANN401
    return spec.model_dump(mode=info.mode)


def _name_of(value: Any) -> str | None:  # noqa: ANN401
    if isinstance(value, Spec):
        return value.spec_name()
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and len(value) == 1:
        return str(next(iter(value)))
    return None
