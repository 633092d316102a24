"""Frozen, slotted, keyword-only records, as cheap to define as any class.

The library's frozen dataclass compiles six methods when it is defined: half a millisecond each, which for
all that a single look needs is longer than the look itself. A record has the same methods once, in its base
class. To type checkers and to `dataclasses.fields` and `dataclasses.replace` it is a dataclass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

if TYPE_CHECKING:
    from dataclasses import Field

    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_):
        return lambda cls: cls


class _LazyFields:
    """`__dataclass_fields__`, made only for those who ask."""

    def __get__(self, record: object, kind: type[Record]) -> dict[str, Field[Any]]:
        import dataclasses

        template = dataclasses.make_dataclass(kind.__name__, [(name, Any) for name in kind.__slots__])
        fields: dict[str, Field[Any]] = vars(template)["__dataclass_fields__"]
        for name, field in fields.items():
            field.type = kind.__annotations__[name]
            field.default = kind.__record_defaults__.get(name, dataclasses.MISSING)
        return fields


@dataclass_transform(kw_only_default=True, frozen_default=True)
class _RecordType(type):
    """Turns the annotations of a class into its slots."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> _RecordType:
        names = [field for field in _annotations(namespace) if not field.startswith("__")]
        namespace["__record_defaults__"] = {field: namespace.pop(field) for field in names if field in namespace}
        namespace["__slots__"] = tuple(names)
        return super().__new__(mcs, name, bases, namespace)


def _annotations(namespace: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = namespace.get("__annotations__", {})
    return found


class Record(metaclass=_RecordType):
    """The base of every record. A field without a default must be given."""

    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
        __record_defaults__: ClassVar[dict[str, Any]]
        __slots__: ClassVar[tuple[str, ...]]
    else:
        __dataclass_fields__ = _LazyFields()

        def __init__(self, **values):
            cls, put = type(self), object.__setattr__
            if len(values) < len(cls.__slots__):
                values = {**cls.__record_defaults__, **values}
            if len(values) != len(cls.__slots__):
                raise TypeError(f"{cls.__name__} has the fields {cls.__slots__}, not {tuple(values)}")
            for name, value in values.items():
                put(self, name, value)

        def __setattr__(self, name, value):
            raise AttributeError(f"{type(self).__name__} is frozen")

        __delattr__ = lambda self, name: self.__setattr__(name, None)  # noqa: E731

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        pairs = zip(self.__slots__, self._values(), strict=True)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in pairs)})"


R = TypeVar("R", bound=Record)


def replace(record: R, **changes: Any) -> R:
    """A copy with other values: what `dataclasses.replace` does, without making fields for it."""
    values = {name: getattr(record, name) for name in record.__slots__}
    return type(record)(**{**values, **changes})
