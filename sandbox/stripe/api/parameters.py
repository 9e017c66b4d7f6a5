"""A request's parameters, checked against what the official package declares for them.

Stripe refuses a parameter it does not know, a word it does not know and a number that is none. The package's
``…Params`` are generated from Stripe's own OpenAPI file, so they are asked instead of a list of our own. Pure.
"""

from __future__ import annotations

import sys
import types
import typing
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, Union

import typing_extensions
from stripe import RequestOptions

from sandbox.stripe.errors import ApiError

Params = dict[str, Any]
_OPTIONS = frozenset(RequestOptions.__annotations__)  # of the call, not of the request


def typed(given: Params, declared: Any, prefix: str = "") -> Params:
    """Return ``given`` (nested mappings of strings) with the types that the ``declared`` TypedDict asks for.

    An empty string stands for "unset" where the declaration allows it, and becomes None. Raise `ApiError`.
    """
    known = {name: kind for name, kind in declared.__annotations__.items() if name not in _OPTIONS}
    for name in declared.__required_keys__ - _OPTIONS - given.keys():
        _refuse(f"Missing required param: {_under(prefix, name)}.", "parameter_missing", _under(prefix, name))
    for name in given.keys() - known.keys():
        _refuse(f"Received unknown parameter: {_under(prefix, name)}", "parameter_unknown", _under(prefix, name))
    scope = vars(sys.modules[declared.__module__])
    return {name: _value(given[name], _kinds(known[name], scope), scope, _under(prefix, name)) for name in given}


def _under(prefix: str, name: str) -> str:
    return f"{prefix}[{name}]" if prefix else name


def _refuse(text: str, code: str | None, param: str) -> typing.NoReturn:
    raise ApiError(400, text, code=code, param=param)


def _kinds(declared: Any, scope: dict[str, Any]) -> list[Any]:
    """Return the alternatives of an annotation, each a type, a TypedDict, a List[…], a Dict[…] or a Literal[…]."""
    if isinstance(declared, typing.ForwardRef):
        declared = declared.__forward_arg__
    if isinstance(declared, str):
        declared = eval(declared, scope)  # the official package's own words
    origin = typing.get_origin(declared)
    if origin in (typing_extensions.NotRequired, typing_extensions.Required):
        return _kinds(typing.get_args(declared)[0], scope)
    if origin in (Union, types.UnionType):
        return [kind for part in typing.get_args(declared) for kind in _kinds(part, scope)]
    return [declared]


def _value(given: Any, kinds: list[Any], scope: dict[str, Any], param: str) -> Any:
    if given == "":
        if any(typing.get_origin(kind) is Literal and "" in typing.get_args(kind) for kind in kinds):
            return None
        text = f"You passed an empty string for '{param}'. We assume empty values are an attempt to unset a parameter"
        _refuse(f"{text}; however '{param}' cannot be unset.", "parameter_invalid_empty", param)
    return _object(given, kinds, scope, param) if isinstance(given, dict) else _scalar(given, kinds, param)


def _object(given: Params, kinds: list[Any], scope: dict[str, Any], param: str) -> Any:
    for kind in kinds:
        if typing_extensions.is_typeddict(kind):
            return typed(given, kind, param)
        if typing.get_origin(kind) is list:
            inner = _kinds(typing.get_args(kind)[0], scope)
            return [_value(given[key], inner, scope, _under(param, key)) for key in _indices(given, param)]
        if typing.get_origin(kind) is dict:
            return {name: None if value == "" else value for name, value in given.items()}
    _refuse(f"Invalid string: {given}", None, param)


def _indices(given: Params, param: str) -> list[str]:
    if not all(key.isascii() and key.isdecimal() for key in given):
        _refuse("Invalid array", None, param)
    return sorted(given, key=int)


def _scalar(given: str, kinds: list[Any], param: str) -> Any:
    words = [word for kind in kinds if typing.get_origin(kind) is Literal for word in typing.get_args(kind) if word]
    if given in words:
        return given
    for kind, read in _READERS.items():
        if kind in kinds:
            return read(given, param)
    if words:  # a `str` beside them only lets the package know words of tomorrow
        _refuse(f"Invalid {param}: must be one of {_listed(words)}", None, param)
    if str not in kinds:
        _refuse("Invalid object", None, param)
    return given


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])}, or {words[-1]}"


def _integer(given: str, param: str) -> int:
    if not given.removeprefix("-").isdecimal() or len(given) > 18:
        _refuse(f"Invalid integer: {given}", "parameter_invalid_integer", param)
    return int(given)


def _boolean(given: str, param: str) -> bool:
    if given not in ("true", "false"):
        _refuse(f"Invalid boolean: {given}", None, param)
    return given == "true"


def _decimal(given: str, param: str) -> str:
    try:
        Decimal(given)
    except InvalidOperation:
        _refuse(f"Invalid decimal: {given}; must contain at maximum twelve decimal places.", None, param)
    return given


_READERS: dict[Any, typing.Callable[[str, str], Any]] = {bool: _boolean, int: _integer, Decimal: _decimal}
