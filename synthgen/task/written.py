"""Values as they are written: `true` is no count, and "7" is no number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

NEWER = "newer"
"""Marks a field (`Annotated[int, NEWER]`) that came when data had been made without it: at its default it is not
written out, so that the content id of that data is what it was."""

TOLD = "told"
"""Marks a field that is told and decides no row, such as a licence: it is left out of the identity."""

IDENTITY = {"identity": True}
"""The context of `model_dump` in which fields marked TOLD are left out."""


class Written(BaseModel):
    """A model of what people write in TOML: unknown keys are refused, and no value is taken for one of another kind.

    Lists may be tuples and whole numbers decimals; but texts and truth values are not turned into numbers, nor
    numbers into truth values, as pydantic does it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="wrap")
    @classmethod
    def _as_written(cls, value: Any, handler: ModelWrapValidatorHandler[Any]) -> Any:
        model = handler(value)
        lines = []
        for name, given in value.items() if isinstance(value, Mapping) else ():
            if fault := _fault(given, getattr(model, name, given)):
                error = PydanticCustomError("written", "{message}", {"message": fault})
                lines.append(InitErrorDetails(type=error, loc=(name,), input=given))
        if lines:
            raise ValidationError.from_exception_data(cls.__name__, lines)
        return model

    def model_dump(self, **settings: Any) -> dict[str, Any]:
        """Return the model as a table, without what was not written before (NEWER), or does not count (TOLD).

        No serializer of pydantic's, since it makes an error of its own of whatever one raises: of Ctrl-C too.
        """
        table: dict[str, Any] = _as_before(self, super().model_dump(**settings), settings.get("context") == IDENTITY)
        return table


def _as_before(value: Any, written: Any, identity: bool) -> Any:
    """Return what a value was written out as, without such fields of the models in it."""
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            newer = NEWER in field.metadata and getattr(value, name) == field.default
            if isinstance(value, Written) and (newer or (identity and TOLD in field.metadata)):
                written.pop(name, None)
            elif name in written:
                written[name] = _as_before(getattr(value, name), written[name], identity)
    elif isinstance(value, list | tuple) and isinstance(written, list | tuple) and len(value) == len(written):
        return type(written)(_as_before(*pair, identity) for pair in zip(value, written, strict=True))
    elif isinstance(value, Mapping) and isinstance(written, dict) and len(value) == len(written):
        pairs = zip(value.values(), written.items(), strict=True)
        return {key: _as_before(one, table, identity) for one, (key, table) in pairs}
    return written


def _fault(given: Any, taken: Any) -> str:
    """Return how a value was taken for one of another kind; "" if it was not."""
    if isinstance(given, bool) and not isinstance(taken, bool):
        return "should be a number or a text; true and false are neither"
    if isinstance(given, int | float) and not isinstance(given, bool) and isinstance(taken, bool):
        return "should be true or false, not a number"
    if isinstance(given, str) and isinstance(taken, bool | int | float):
        return "should be a number or a truth value, without quotes"
    if isinstance(given, list | tuple) and isinstance(taken, list | tuple) and len(given) == len(taken):
        return next(filter(None, map(_fault, given, taken)), "")
    if isinstance(given, Mapping) and isinstance(taken, Mapping) and len(given) == len(taken):
        return next(filter(None, map(_fault, given.values(), taken.values())), "")
    return ""
