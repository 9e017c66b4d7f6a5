"""Payment methods, attempts to take money with them, and money given back."""

from __future__ import annotations

from sandbox.stripe.account import Account, Object, token
from sandbox.stripe.billing.amounts import DAY
from sandbox.stripe.billing.payment_methods import GENERIC, INSTRUMENTS, Decline, Instrument
from sandbox.stripe.errors import ApiError

NO_METHOD = Decline(
    "payment_method_missing", "", "This customer has no attached payment source or default payment method."
)
_EVIDENCE_DAYS = 21


def attach(account: Account, customer: Object, instrument: Instrument) -> Object:
    """Add a PaymentMethod of the customer's, with which invoices are paid from now on."""
    method = account.add("payment_method", type=instrument.kind, customer=customer["id"])
    del method["card"]
    method[instrument.kind] = instrument.details()
    method["billing_details"] |= {"name": customer["name"], "email": customer["email"]}
    if customer["address"]:
        method["billing_details"]["address"] = dict(customer["address"])
    account.note(method["id"])["instrument"] = instrument.key
    account.emit("payment_method.attached", method)
    with account.changing(customer):
        customer["invoice_settings"] = customer["invoice_settings"] | {"default_payment_method": method["id"]}
    return method


def replace(account: Account, customer: Object, instrument: Instrument) -> Object:
    """Add a PaymentMethod for the customer and every subscription of the customer's."""
    method = attach(account, customer, instrument)
    for subscription in account.all("subscription", customer=customer["id"]):
        with account.changing(subscription):
            subscription["default_payment_method"] = method["id"]
    return method


def detach(account: Account, method: Object) -> None:
    """Take the PaymentMethod from its customer, and from whatever was paid with it by default."""
    customer = account.objects[method["customer"]]
    method["customer"] = None
    if customer["invoice_settings"]["default_payment_method"] == method["id"]:
        with account.changing(customer):
            customer["invoice_settings"] = customer["invoice_settings"] | {"default_payment_method": None}
    for subscription in account.all("subscription", customer=customer["id"]):
        if subscription["default_payment_method"] == method["id"]:
            with account.changing(subscription):
                subscription["default_payment_method"] = None
    account.emit("payment_method.detached", method)


def default_method(account: Account, customer: Object, subscription: Object | None = None) -> Object | None:
    """Return what an invoice is paid with: the subscription's own PaymentMethod, or else the customer's."""
    own = subscription["default_payment_method"] if subscription else None
    identifier = own or customer["invoice_settings"]["default_payment_method"]
    return account.objects.get(identifier) if identifier else None


def decline(account: Account, customer: Object, method: Object | None, *, present: bool) -> Decline | None:
    """Return why the bank would refuse; None if it would not. ``present``: the customer can answer its questions."""
    if method is None:
        return NO_METHOD
    note = account.note(customer["id"])
    if note.get("fail_next", 0) > 0:
        note["fail_next"] -= 1
        return GENERIC
    instrument = INSTRUMENTS[account.note(method["id"])["instrument"]]
    return instrument.first if present else instrument.later


def intend(account: Account, customer: Object, amount: int, description: str) -> Object:
    """Create a PaymentIntent that nobody has tried yet."""
    intent = account.add(
        "payment_intent",
        amount=amount,
        customer=customer["id"],
        description=description,
        payment_method_types=["card", "au_becs_debit"],
    )
    intent["client_secret"] = f"{intent['id']}_secret_{token()}"
    account.emit("payment_intent.created", intent)
    return intent


def attempt(account: Account, intent: Object, method: Object | None, *, present: bool) -> Object:
    """Try to take the money.

    The intent is ``succeeded``, ``processing`` (a bank debit), ``requires_action`` (the bank asks for its owner) or
    ``requires_payment_method`` afterwards.
    """
    customer = account.find("customer", intent["customer"])
    refused = decline(account, customer, method, present=present)
    intent["payment_method"] = method["id"] if method else None
    if refused is not None:
        return _refused(account, intent, method, refused)
    assert method is not None, "having none is a refusal"
    if method["type"] == "au_becs_debit":
        return _submitted(account, intent, method)
    _charge(account, intent, method, "succeeded")
    return _succeeded(account, intent)


def settle(account: Account, intent: Object, clears: bool | None = None) -> Object:
    """End a bank debit: it ``clears`` or bounces; None: as the account it is drawn on does."""
    if intent["status"] != "processing":
        raise ApiError(400, f"{intent['id']} is not processing.")
    method, charge = account.objects[intent["payment_method"]], account.objects[intent["latest_charge"]]
    bounce = INSTRUMENTS[account.note(method["id"])["instrument"]].bounces
    account.note(intent["id"]).pop("settles_at", None)
    if clears or (clears is None and bounce is None):
        charge.update(status="succeeded", paid=True, captured=True, amount_captured=charge["amount"])
        account.emit("charge.succeeded", charge)
        return _succeeded(account, intent)
    refused = bounce or INSTRUMENTS["bounces"].bounces or GENERIC
    charge.update(status="failed", paid=False, failure_code=refused.code, failure_message=refused.text)
    account.emit("charge.failed", charge)
    return _needs_another(account, intent, method, refused)


def refund(account: Account, charge: Object, amount: int | None = None, reason: str | None = None) -> Object:
    """Give ``amount`` cents (default: what is left) back. Raise `ApiError`."""
    left = charge["amount"] - charge["amount_refunded"]
    if charge["status"] != "succeeded" or left == 0:
        text = f"Charge {charge['id']} has already been refunded."
        raise ApiError(400, text, code="charge_already_refunded")
    if amount is not None and not 0 < amount <= left:
        raise ApiError(
            400, f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})", param="amount"
        )
    made = account.add(
        "refund", amount=amount or left, charge=charge["id"], payment_intent=charge["payment_intent"], reason=reason
    )
    account.emit("refund.created", made)
    with account.changing(charge, "charge.refunded"):
        charge["amount_refunded"] += made["amount"]
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    return made


def dispute(account: Account, charge: Object, reason: str = "fraudulent") -> Object:
    """Let the customer's bank take the money back and ask why it was taken. Raise `ApiError`."""
    if charge["status"] != "succeeded" or charge["disputed"]:
        raise ApiError(400, f"{charge['id']} cannot be disputed.")
    charge["disputed"] = True
    made = account.add(
        "dispute",
        amount=charge["amount"],
        charge=charge["id"],
        payment_intent=charge["payment_intent"],
        reason=reason,
        payment_method_details={
            "card": {"brand": "visa", "case_type": "chargeback", "network_reason_code": "10.4", "network": "visa"},
            "type": "card",
        },
    )
    made["evidence_details"]["due_by"] = account.now() + _EVIDENCE_DAYS * DAY
    account.emit("charge.dispute.created", made)
    return made


def refusal(intent: Object) -> ApiError:
    """Return the error of a request that could not take the money of ``intent``: 402."""
    error = intent["last_payment_error"]
    more = {name: error.get(name) for name in ("code", "decline_code", "charge")}
    return ApiError(402, error["message"], kind="card_error", payment_intent=intent, **more)


def _charge(account: Account, intent: Object, method: Object, status: str, refused: Decline | None = None) -> Object:
    paid = status == "succeeded"
    charge = account.add(
        "charge",
        amount=intent["amount"],
        amount_captured=intent["amount"] if paid else 0,
        billing_details=method["billing_details"],
        captured=paid,
        customer=intent["customer"],
        description=intent["description"],
        failure_code=refused.code if refused else None,
        failure_message=refused.text if refused else None,
        paid=paid,
        payment_intent=intent["id"],
        payment_method=method["id"],
        payment_method_details={method["type"]: method[method["type"]], "type": method["type"]},
        status=status,
    )
    if refused:
        charge["outcome"] |= {"type": "issuer_declined", "network_status": "declined_by_network"}
        charge["outcome"]["reason"] = refused.decline_code
    intent["latest_charge"] = charge["id"]
    account.emit(f"charge.{status}", charge)
    return charge


def _succeeded(account: Account, intent: Object) -> Object:
    intent.update(
        status="succeeded",
        amount_received=intent["amount"],
        last_payment_error=None,
        next_action=None,
        processing=None,
    )
    account.emit("payment_intent.succeeded", intent)
    return intent


def _submitted(account: Account, intent: Object, method: Object) -> Object:
    _charge(account, intent, method, "pending")
    account.note(intent["id"])["settles_at"] = account.now() + account.settings.debit_days * DAY
    intent.update(status="processing", last_payment_error=None, processing={"type": "au_becs_debit"})
    account.emit("payment_intent.processing", intent)
    return intent


def _refused(account: Account, intent: Object, method: Object | None, refused: Decline) -> Object:
    if method is not None:
        _charge(account, intent, method, "failed", refused)
    if refused.code != "authentication_required":
        return _needs_another(account, intent, method, refused)
    sdk: Object = {"type": "use_stripe_sdk", "use_stripe_sdk": {}}
    intent.update(status="requires_action", next_action=sdk, last_payment_error=_error(intent, method, refused))
    account.emit("payment_intent.requires_action", intent)
    return intent


def _needs_another(account: Account, intent: Object, method: Object | None, refused: Decline) -> Object:
    error = _error(intent, method, refused)
    intent.update(status="requires_payment_method", payment_method=None, last_payment_error=error, processing=None)
    account.emit("payment_intent.payment_failed", intent)
    return intent


def _error(intent: Object, method: Object | None, refused: Decline) -> Object:
    error: Object = {"code": refused.code, "message": refused.text, "type": "card_error", "payment_method": method}
    more = {"charge": intent["latest_charge"], "decline_code": refused.decline_code or None}
    return error | {name: value for name, value in more.items() if value}
