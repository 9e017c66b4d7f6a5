"""What a machine reads of a page: states, fields, links, forms and roles, which do not change with the wording."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

import aiohttp

_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_TYPED = ("input", "select", "textarea")


@dataclass(slots=True)
class Element:
    """One element of a page."""

    tag: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    def __getitem__(self, attribute: str) -> str:
        return self.attributes[attribute]

    def get(self, attribute: str) -> str | None:
        """Return the attribute; None if it is not there."""
        return self.attributes.get(attribute)

    @property
    def text(self) -> str:
        """What is read in it, its white space folded."""
        parts = (child if isinstance(child, str) else f" {child.text} " for child in self.children)
        return " ".join("".join(parts).split())

    @property
    def amounts(self) -> list[str]:
        """The sums of money that are read in it, in order: ``["A$132", "A$12"]``."""
        return re.findall(r"−?A\$[\d,]+(?:\.\d\d)?", self.text)

    def walk(self) -> Iterator[Element]:
        """Yield the element and every element in it, in the order of the page."""
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.walk()

    def all(self, tag: str = "", **attributes: str | bool) -> list[Element]:
        """Return every element of that tag with these attributes; True is any value. ``data_x`` is ``data-x``."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [each for each in self.walk() if tag in ("", each.tag) and each.matches(wanted)]

    def one(self, tag: str = "", **attributes: str | bool) -> Element:
        """Return the only such element."""
        found = self.all(tag, **attributes)
        assert len(found) == 1, (tag, attributes, [each.attributes for each in found])
        return found[0]

    def matches(self, wanted: dict[str, str | bool]) -> bool:
        """Return whether the element has these attributes. A class is one of several."""
        return all(self._has(name, value) for name, value in wanted.items())

    def _has(self, name: str, value: str | bool) -> bool:
        if isinstance(value, bool):
            return (name in self.attributes) == value
        mine = self.attributes.get(name)
        return mine is not None and (value in mine.split() if name == "class" else value == mine)


class Page(Element):
    """A whole page, or a fragment of one."""

    def __init__(self, html: str) -> None:
        super().__init__("", {})
        _Parser(self).feed(html)

    def data(self, name: str) -> list[str]:
        """Return the value of every ``data-name``, in the order of the page."""
        return [value for each in self.walk() if (value := each.get(f"data-{name}")) is not None]

    @property
    def fields(self) -> dict[str, str]:
        """What the fields of all forms hold, hidden ones as well."""
        return {each["name"]: _value(each) for each in self.walk() if each.tag in _TYPED and each.get("name")}

    @property
    def invalid(self) -> set[str]:
        """The names of the fields that are marked as wrong."""
        return {each.get("name") or "" for each in self.all(aria_invalid="true")}

    @property
    def links(self) -> list[str]:
        """Where its links lead."""
        return [each["href"] for each in self.all("a", href=True)]

    @property
    def actions(self) -> list[str]:
        """Where its forms are sent."""
        return [each["action"] for each in self.all("form", action=True)]

    @property
    def alerts(self) -> int:
        """How many messages interrupt whoever listens to the page."""
        return len(self.all(role="alert"))


async def page_of(answer: aiohttp.ClientResponse) -> Page:
    """Return the page that ``answer`` brings."""
    return Page(await answer.text())


def _value(typed: Element) -> str:
    if typed.tag == "textarea":
        return typed.text
    if typed.tag == "select":
        chosen = [each for each in typed.all("option") if each.get("selected") is not None]
        return (chosen[0].get("value") or chosen[0].text) if chosen else ""
    return typed.get("value") or ""


class _Parser(HTMLParser):
    def __init__(self, page: Page) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[Element] = [page]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if any(each.tag == tag for each in self._open[1:]):
            while self._open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self._open[-1].tag not in ("script", "style"):
            self._open[-1].children.append(data)
