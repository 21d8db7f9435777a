"""Two chains of three models in real processes on real data: one model is improved, and the others break.

    words      speech -> intent -> action     each asks the next one while it answers, and passes no header on
    pictures   embed -> classify -> route     a caller carries answers on by hand, and keeps no trace context

words and pictures have the data and the models, server.py serves one of them, stage.py starts everything with
a sidecar before each, `__main__` tells the story: python -m examples.chain
"""
