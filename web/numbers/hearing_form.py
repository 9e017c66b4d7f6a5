"""The form of how calls of a number become words: read what was typed, or say what is wrong with it. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from db.queries.words.hearings import NumberHearing
from protocol.tickets import LONGEST_VOCABULARY, VOCABULARY_NAME
from web.numbers import prompts
from web.request.typed import tidy

FIELDS = ("language", "vocabulary", "redacts", "prompt")
LANGUAGES: Mapping[str, str] = {
    "en-AU": "English, Australian",
    "en-GB": "English, British",
    "en-IN": "English, Indian",
    "en-IE": "English, Irish",
    "en-NZ": "English, New Zealand",
    "en-AB": "English, Scottish",
    "en-ZA": "English, South African",
    "en-US": "English, US",
    "en-WL": "English, Welsh",
    "af-ZA": "Afrikaans",
    "ar-AE": "Arabic, Gulf",
    "ar-SA": "Arabic, Modern Standard",
    "zh-HK": "Cantonese",
    "zh-CN": "Chinese, Mandarin (mainland)",
    "zh-TW": "Chinese, Mandarin (Taiwan)",
    "hr-HR": "Croatian",
    "cs-CZ": "Czech",
    "da-DK": "Danish",
    "nl-NL": "Dutch",
    "fa-IR": "Farsi",
    "fi-FI": "Finnish",
    "fr-FR": "French",
    "fr-CA": "French, Canadian",
    "de-DE": "German",
    "el-GR": "Greek",
    "he-IL": "Hebrew",
    "hi-IN": "Hindi",
    "id-ID": "Indonesian",
    "it-IT": "Italian",
    "ja-JP": "Japanese",
    "ko-KR": "Korean",
    "ms-MY": "Malay",
    "no-NO": "Norwegian",
    "pl-PL": "Polish",
    "pt-PT": "Portuguese",
    "pt-BR": "Portuguese, Brazilian",
    "ru-RU": "Russian",
    "sr-RS": "Serbian",
    "es-ES": "Spanish",
    "es-US": "Spanish, US",
    "sv-SE": "Swedish",
    "tl-PH": "Tagalog",
    "th-TH": "Thai",
    "uk-UA": "Ukrainian",
    "vi-VN": "Vietnamese",
}
REDACTED_LANGUAGES = frozenset({"en-AU", "en-GB", "en-US", "es-US"})
"""In which Transcribe leaves personal details out of a stream."""


def typed(hearing: NumberHearing) -> dict[str, str]:
    """Return the form's fields for ``hearing``."""
    return {
        "language": hearing.language or "",
        "vocabulary": hearing.vocabulary or "",
        "redacts": "yes" if hearing.redacts else "",
        "prompt": hearing.prompt or "",
    }


def problems(sent: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong, by field: nothing if `read` can read it."""
    wrong, language, vocabulary = {}, sent["language"], tidy(sent["vocabulary"])
    if language and language not in LANGUAGES:
        wrong["language"] = "Choose a language."
    if vocabulary and not VOCABULARY_NAME.fullmatch(vocabulary):
        wrong["vocabulary"] = (
            f"Enter its name as in AWS: at most {LONGEST_VOCABULARY} letters, digits, stops, hyphens and underscores."
        )
    elif vocabulary and not language:
        wrong["language"] = "Choose the language that the vocabulary was made for."
    if sent["redacts"] == "yes" and language not in REDACTED_LANGUAGES:
        names = ", ".join(LANGUAGES[code] for code in sorted(REDACTED_LANGUAGES))
        wrong["language"] = f"Personal details can be left out in these languages only: {names}."
    prompt = tidy(sent["prompt"])
    if prompt and (problem := prompts.problem(prompt)):
        wrong["prompt"] = problem
    return wrong


def read(sent: Mapping[str, str]) -> NumberHearing:
    """Return what was typed, which has no `problems`."""
    vocabulary, prompt = tidy(sent["vocabulary"]) or None, tidy(sent["prompt"]) or None
    return NumberHearing(sent["language"] or None, vocabulary, sent["redacts"] == "yes", prompt)


def changes(before: NumberHearing, after: NumberHearing) -> dict[str, str]:
    """Return what differs, for the audit log."""
    shown = [
        {
            "language": each.language or "usual",
            "vocabulary": each.vocabulary or "none",
            "leaves_out_personal_details": "yes" if each.redacts else "no",
            "prompt": each.prompt or "the organisation's",
        }
        for each in (before, after)
    ]
    return {name: f"{was} → {shown[1][name]}" for name, was in shown[0].items() if was != shown[1][name]}
