"""What an organisation's own programs see and do: keys, the API's lists, answers kept for repeated writes.

`api_keys`; `resources` are the rows as programs see them, `call_list` the calls; `kept_answers` make a repeated
write safe. `events` are written as they happen, `webhooks` are where they go.
"""
