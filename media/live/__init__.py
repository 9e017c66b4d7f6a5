"""From utterances to the consoles of this node.

`transcript` is a console's view of a call, and how an event changes it; `talk` counts who talked for how long. `hub`
sends events to every console of this node that may see the call: all of them to consoles that follow it
(`following`), to the others its row when that has changed (`rows`). `holds` knows which calls are on hold.
`translations` has final utterances translated for the readers who asked for it. Other nodes: `media.nodes`.
"""
