"""Side-by-side benchmarks against real peers. `bench/README.md` says what is measured and how."""
