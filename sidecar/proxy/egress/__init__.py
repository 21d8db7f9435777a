"""The model's own calls to others: a forward proxy that knows on whose behalf the model calls.

    bytes of the model -> target (`routes`) -> whose call is it (`joining`) -> forwarded or tunnelled

Calls reach it by HTTP_PROXY (absolute-form), by CONNECT, or by a route of its own name. Counterpart of the
rooms above it, which take calls *to* the model; `outbound` is their `plane`.
"""
