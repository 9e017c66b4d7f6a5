"""What an organisation's own programs see and do: keys, the API's lists, answers kept for repeated writes."""
