"""One module per part, each with `check(evidence)`: pure judgement, no looking."""
