"""From utterances to the consoles of this node.

`transcript` is a console's view of a call, and how an event changes it; `talk` counts who talked for how long. `hub`
sends events to the consoles of this node that follow the call (`following`), and to those that show the wall, twice
a second, what has changed in the wall rows of all calls that they may see (`wall_rows`). `holds` knows which calls
are on hold. `translations` has final utterances translated for the readers who asked for it. Other nodes:
`media.nodes`.
"""
