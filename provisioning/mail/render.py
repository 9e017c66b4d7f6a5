"""Fill the templates of a mail: ``{name}.txt`` and ``{name}.html``, in the folder of its occasion."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from provisioning.mail.names import mail_name

_FOLDER = Path(__file__).with_name("templates")
_OCCASIONS = sorted(path for path in _FOLDER.iterdir() if path.is_dir())
_ENVIRONMENT = Environment(
    loader=FileSystemLoader([_FOLDER, *_OCCASIONS]),
    autoescape=select_autoescape(enabled_extensions=("html",)),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters["mail_name"] = mail_name


def render(name: str, context: Mapping[str, object]) -> tuple[str, str]:
    """Return the mail as text and as HTML. Raise `jinja2.UndefinedError` if ``context`` lacks something."""
    text, html = (_ENVIRONMENT.get_template(f"{name}.{form}").render(context) for form in ("txt", "html"))
    return text, html
