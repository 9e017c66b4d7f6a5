"""What stands in the account before anybody has bought: one product, its price, GST, and the webhook endpoint."""

from __future__ import annotations

from sandbox.stripe.account import Account, Object

TAX_CODE = "txcd_10103001"  # software as a service, for business use


def seed(account: Account) -> None:
    """Create everything that the settings describe, if needed. Idempotent."""
    price = account.objects.get(account.settings.price_id) or _price(account)
    price.update(unit_amount=account.settings.unit_amount, unit_amount_decimal=str(account.settings.unit_amount))
    price["tax_behavior"] = account.settings.tax_behavior
    _registration(account)
    _webhook_endpoint(account)


def _price(account: Account) -> Object:
    settings = account.settings
    product = account.add(
        "product",
        name=settings.product_name,
        tax_code=TAX_CODE,
        unit_label="agent",
        updated=account.now(),
        active=True,
    )
    price = account.make("price", product=product["id"], nickname="Per agent and month")
    price["id"] = settings.price_id
    product["default_price"] = settings.price_id
    account.objects[settings.price_id] = price
    return price


def _registration(account: Account) -> None:
    for registration in account.all("tax.registration"):
        registration["status"] = "active" if account.settings.gst_registered else "expired"
        return
    if account.settings.gst_registered:
        account.add("tax.registration", active_from=account.now(), status="active")


def _webhook_endpoint(account: Account) -> None:
    settings = account.settings
    for old in account.all("webhook_endpoint"):
        del account.objects[old["id"]]
    if settings.webhook_url:
        account.add("webhook_endpoint", url=settings.webhook_url, enabled_events=list(settings.enabled_events))
