"""What captures keep, survive and cost. One file for each question; `python -m bench.capture` asks all."""
