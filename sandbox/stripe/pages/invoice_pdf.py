"""An invoice as a PDF of one page: the smallest file that every reader opens. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

_TOP, _STEP = 780, 20  # points


def invoice_pdf(business: str, invoice: dict[str, Any]) -> bytes:
    """Return the page's bytes."""
    return _pdf(_lines(business, invoice))


def _lines(business: str, invoice: dict[str, Any]) -> list[str]:
    made = f"{datetime.fromtimestamp(invoice['created'], UTC):%-d %B %Y}"
    tax = sum(one["amount"] for one in invoice["total_taxes"])
    abns = [f"ABN {one['value']}" for one in invoice["customer_tax_ids"] or []]
    return [
        f"Tax invoice {invoice['number']}",
        f"{business}, {made}, {invoice['status']}",
        "",
        f"To {invoice['customer_name'] or invoice['customer_email']}",
        *abns,
        "",
        *(f"{line['description']}: {line['amount'] / 100:.2f}" for line in invoice["lines"]["data"]),
        "",
        f"GST 10%: {tax / 100:.2f}",
        f"Total: AUD {invoice['total'] / 100:.2f}",
    ]


def _pdf(lines: list[str]) -> bytes:
    text = "".join(f"({_escaped(line)}) Tj T*\n" for line in lines)
    page = f"BT /F1 12 Tf {_STEP} TL 50 {_TOP} Td\n{text}ET".encode("cp1252", errors="replace")
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(page), page),
        font,
    ]
    return _assembled(objects)


def _assembled(objects: list[bytes]) -> bytes:
    whole, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(whole))
        whole += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(whole)
    whole += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    return whole + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)


def _escaped(line: str) -> str:
    return line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
