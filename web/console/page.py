"""The console page: live calls, or why they are not shown. Transcripts go from media straight to the browser."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from protocol.times import milliseconds
from web.billing import payment_notice
from web.config import SETTINGS
from web.console.voice_sdk import voice_sdk
from web.request import access, session as request_session
from web.request.access import Viewer
from web.request.render import render
from web.request.static_files.files import STATIC_FILES

TRANSLATION_LANGUAGES = {
    "en": "English",
    "ar": "العربية",
    "bn": "বাংলা",
    "zh": "中文（简体）",
    "zh-TW": "中文（繁體）",
    "hr": "Hrvatski",
    "fa": "فارسی",
    "fa-AF": "دری",
    "fr": "Français",
    "de": "Deutsch",
    "el": "Ελληνικά",
    "hi": "हिन्दी",
    "id": "Bahasa Indonesia",
    "it": "Italiano",
    "ja": "日本語",
    "ko": "한국어",
    "mk": "Македонски",
    "ms": "Bahasa Melayu",
    "pa": "ਪੰਜਾਬੀ",
    "pl": "Polski",
    "pt": "Português",
    "ru": "Русский",
    "sr": "Српски",
    "si": "සිංහල",
    "so": "Soomaali",
    "es": "Español",
    "tl": "Tagalog",
    "ta": "தமிழ்",
    "te": "తెలుగు",
    "th": "ไทย",
    "tr": "Türkçe",
    "uk": "Українська",
    "ur": "اردو",
    "vi": "Tiếng Việt",
}
"""What Amazon Translate offers of the languages spoken in Australia, each in itself."""
routes = web.RouteTableDef()


@routes.get("/console")
async def console(request: web.Request) -> web.StreamResponse:
    """Show the live calls, or the payment notice to a viewer whose console is closed."""
    viewer = await access.require(request, "console")
    if not viewer.may_watch:
        return await _console_off(request, viewer)
    async with access.rows(request, viewer) as rows:
        everybody = await rows.members.all()
        may_name_callers = rows.organisation.notification_numbers
        alert_limits = rows.organisation.alert_limits
        must_say = [rule for rule in await rows.phrases.on() if rule.must_say]
    members = [each for each in everybody if viewer.may("calls.all") or each.id == viewer.member_id]
    settings, sign_in = request.app[SETTINGS], request_session.read(request)
    return render(
        request,
        "console/console.html",
        members=members,
        must_say=must_say,
        alert_limits=alert_limits,
        translates=settings.live_translation == "on",
        translation_languages=TRANSLATION_LANGUAGES,
        notification_numbers=may_name_callers,
        signed_in_until=milliseconds(sign_in.expires_at) if sign_in is not None else 0,
        media_url=settings.media_public_url,
        test_calls=bool(settings.test_call_url) and viewer.may("softphone"),
        **_phone(request, has_phone=viewer.may("softphone")),
    )


async def _console_off(request: web.Request, viewer: Viewer) -> web.Response:
    """Render the payment notice, with the phone while calls still connect."""
    phone = viewer.may("softphone") and viewer.entitlements.connects
    return render(
        request,
        "console/console_off.html",
        notice=await payment_notice.find(request, viewer),
        **_phone(request, has_phone=phone),
    )


def _phone(request: web.Request, *, has_phone: bool) -> dict[str, Any]:
    """Return what a page with a phone in it is rendered with; empty texts for a page without one."""
    if not has_phone:
        return {"voice_sdk_url": "", "voice_sdk_integrity": "", "phone": ""}
    settings = request.app[SETTINGS]
    sdk = voice_sdk(settings, request.app[STATIC_FILES])
    return {"voice_sdk_url": sdk.url, "voice_sdk_integrity": sdk.integrity, "phone": settings.call_routing}
