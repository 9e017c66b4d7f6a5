"""Requests to Amazon's JSON services in Sydney, signed with the process's own credentials.

`json_api` signs and sends one request; `vocabularies` asks Transcribe what it knows of a custom vocabulary;
`translate` has a text translated. `vendor_clock` is AWS's clock, by which requests are signed.
"""
