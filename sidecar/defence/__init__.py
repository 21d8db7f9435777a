"""The line of defence: inputs that are not odd but made, by somebody who wants a wrong answer.

An outlier is far from the data. An attack need not be: it is a clean input with just enough changed. What
gives it away is of another kind, so it has a verdict of its own, `adversarial`, with its evidence:

    noise           the input has noise that clean ones have not     the model is not asked
    inconsistent    its answer flips when that is squeezed out       it is asked again, where a policy asks
    text            characters nobody sees, alphabets mixed, a stretch that does not belong

    pixels.py       which features are a picture
    squeezers.py    pictures without their small print
    noise.py        how much noise a picture has, and how rare that is
    squeezing.py    how far an answer shifts, and how rare that is
    letters.py      what a text is made of
    guard.py        what is looked at, and the verdict

Nothing here imports more than numpy. Counterparts: `sidecar.baseline.noise` and `letters`, which measure
clean inputs when a baseline is fitted; `sidecar.proxy`, which asks while a call is scored. docs/defence.md
says what is found, and what somebody who knows all this can still do.
"""
