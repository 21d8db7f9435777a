"""The test rig that `bench/proxy`, `bench/soak` and `bench/instructions` share.

installs    what must be on the machine          payloads   what is sent, what is answered
processes   start, watch, stop process trees     backends   who answers
peers       how each proxy is set up             wrk, bulk  who sends, and what came of it
"""
