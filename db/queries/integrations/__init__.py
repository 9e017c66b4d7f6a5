"""What an organisation's own programs see and do: keys, the API's lists, answers kept for repeated writes.

`api_keys`; `resources` are the fields of what programs see, `call_list` reads calls into them; `kept_answers` make a
repeated write safe. `events` lists the types of events and writes each as it happens, `webhooks` are where they go.
"""
