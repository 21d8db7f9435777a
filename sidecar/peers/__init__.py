"""The other sidecars of a chain, asked over their admin addresses.

addresses   where they are
gathering   what all of them know, at once
command     `sidecar cascade`: who broke the chain, on the terminal
"""
