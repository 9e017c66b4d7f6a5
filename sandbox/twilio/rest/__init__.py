"""Twilio's REST APIs."""
