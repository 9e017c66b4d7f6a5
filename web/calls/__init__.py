"""Calls: Twilio's webhooks and what they answer, where each call's stream is, the console page, the call log."""
