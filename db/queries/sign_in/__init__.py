"""How members prove who they are, beside the mailed link: a second factor, and their organisation's own provider."""
